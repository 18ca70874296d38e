import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";

import { readSegment } from "../format/reader.js";
import { END_BYTES, HEADER_BYTES, segmentHeader } from "../format/segment.js";

/** The segment that events are appended to. Holds the open file. */
export class SegmentFile {
  private constructor(
    private readonly file: number,
    /** The token of its first event. */
    readonly segment: number,
    /** Bytes that the file has. */
    private length: number,
    /** Where the next transaction goes. */
    private end: number,
    /** The token that the next event will have. */
    private token: number,
  ) {}

  /** Makes a segment of `length` bytes: pre-allocated, as the server does it. */
  static create(path: string, segment: number, length: number): SegmentFile {
    const file = openSync(path, "wx+");
    ftruncateSync(file, length);
    writeSync(file, segmentHeader(), 0, HEADER_BYTES, 0);
    return new SegmentFile(file, segment, length, HEADER_BYTES, segment);
  }

  /**
   * Opens the last segment of a store and goes on behind its last complete transaction.
   * @returns undefined if the segment is complete.
   * @throws Error if there is no room for an end behind the last transaction: the real server doesn't start then either (docs/axon-server.md, section 5).
   */
  static open(path: string, segment: number): SegmentFile | undefined {
    const content = readSegment(path, segment);
    if (content.state === "closed") return undefined;
    if (content.length < content.end + END_BYTES) {
      throw new Error(
        `the server does not start (java.nio.BufferUnderflowException): ${path} ends at byte ${content.length}, right behind its last transaction; fill it with zeros to the full length`,
      );
    }
    const file = openSync(path, "r+");
    const { size } = fstatSync(file);
    if (!content.zeroTail) {
      // What is left of a transaction that was never complete must not follow the next one.
      ftruncateSync(file, content.end);
      ftruncateSync(file, size);
    }
    return new SegmentFile(file, segment, size, content.end, content.nextToken);
  }

  /** The token that the next event will have. */
  get nextToken(): number {
    return this.token;
  }

  get isEmpty(): boolean {
    return this.end === HEADER_BYTES;
  }

  /** Whether a transaction of this many bytes fits, with an end marker behind it. */
  fits(bytes: number): boolean {
    return this.end + bytes + END_BYTES <= this.length;
  }

  /** Gives an empty segment the length that a transaction larger than a segment needs. */
  grow(bytes: number): void {
    this.length = HEADER_BYTES + bytes + END_BYTES;
    ftruncateSync(this.file, this.length);
  }

  /** Writes a transaction: its size last, when all the rest stands. */
  append(transaction: Buffer, events: number): void {
    writeSync(this.file, transaction, 4, transaction.byteLength - 4, this.end + 4);
    writeSync(this.file, transaction, 0, 4, this.end);
    this.end += transaction.byteLength;
    this.token += events;
  }

  /** Writes the end marker. */
  complete(): void {
    const marker = Buffer.alloc(END_BYTES);
    marker.writeInt32BE(-1);
    writeSync(this.file, marker, 0, END_BYTES, this.end);
  }

  close(): void {
    closeSync(this.file);
  }
}
