import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

import { encodeLogEntry, logHeader, logName, logSegmentsOf, readLogSegment } from "../format/log.js";
import { END_BYTES, HEADER_BYTES } from "../format/segment.js";

export interface LogStoreOptions {
  /** The group's directory; made if it isn't there. */
  readonly directory: string;
  /** Bytes. */
  readonly segmentSize: number;
  /** Milliseconds since 1970: what files are dated by. */
  readonly clock: () => number;
}

/** The log of one replication group on one node: appends, rolls over, cleans up. Synchronous. Every entry counts as applied at once. */
export class LogStore {
  private file: number;
  private first: number;
  private length: number;
  private end: number;
  private next: number;
  private term: number;

  constructor(private readonly options: LogStoreOptions) {
    mkdirSync(options.directory, { recursive: true });
    const last = logSegmentsOf(readdirSync(options.directory)).at(-1) ?? 1;
    const path = this.path(last, "log");
    if (!existsSync(path)) {
      this.file = this.create(last);
      this.first = this.next = last;
      this.length = options.segmentSize;
      this.end = HEADER_BYTES;
      this.term = 0;
      return;
    }
    // As the server does: it takes the highest file, drops its index, and goes on behind the last complete entry.
    const index = this.path(last, "index");
    if (existsSync(index)) unlinkSync(index);
    const content = readLogSegment(path, last);
    if (content.length < content.end + END_BYTES)
      throw new Error(
        `the server does not start (java.nio.BufferUnderflowException): ${path} ends at byte ${content.length}, right behind its last entry; fill it with zeros to the full length`,
      );
    this.file = openSync(path, "r+");
    this.first = last;
    this.length = content.length;
    this.end = content.end;
    this.next = content.nextIndex;
    this.term = content.term;
    // What comes behind stays, as on a real server, but for the size.
    writeSync(this.file, Buffer.alloc(END_BYTES), 0, END_BYTES, this.end);
  }

  /** The index that the next entry will have. */
  get nextIndex(): number {
    return this.next;
  }

  /** Of the last entry; 0 without any. */
  get lastTerm(): number {
    return this.term;
  }

  /** The first entries of the segments that are there, ascending; the last one is the current one. */
  get segments(): readonly number[] {
    return logSegmentsOf(readdirSync(this.options.directory));
  }

  /**
   * Appends an entry, its size last; returns its index.
   * @throws RangeError if it is larger than a segment
   */
  append(term: number, type: number, data: Uint8Array): number {
    const entry = encodeLogEntry(term, type, data);
    const { segmentSize } = this.options;
    if (HEADER_BYTES + entry.byteLength + END_BYTES > segmentSize)
      throw new RangeError(
        `a log entry of ${entry.byteLength} bytes doesn't fit a segment of ${segmentSize}`,
      );
    if (this.end + entry.byteLength + END_BYTES > this.length) this.rollOver();
    writeSync(this.file, entry, 4, entry.byteLength - 4, this.end + 4);
    writeSync(this.file, entry, 0, 4, this.end);
    this.end += entry.byteLength;
    this.term = term;
    return this.next++;
  }

  /** Deletes completed segments that are applied, and their indexes, each if it was last modified at `time` or before. Returns the deleted names. */
  cleanUp(time: number): readonly string[] {
    const applied = this.next - 1;
    const { directory } = this.options;
    const keep = this.segments.filter((first) => first < applied - 1).at(-1) ?? 1;
    const old = this.segments
      .filter((first) => first < keep && first !== this.first)
      .flatMap((first) => [logName(first, "log"), logName(first, "index")])
      .filter((name) => existsSync(join(directory, name)) && statSync(join(directory, name)).mtimeMs <= time);
    for (const name of old) unlinkSync(join(directory, name));
    return old;
  }

  close(): void {
    closeSync(this.file);
  }

  private rollOver(): void {
    const marker = Buffer.alloc(END_BYTES);
    marker.writeInt32BE(-1);
    writeSync(this.file, marker, 0, END_BYTES, this.end);
    closeSync(this.file);
    // A placeholder of a real one's look: no server could look anything up in it.
    writeFileSync(this.path(this.first, "index"), `index of ${this.first}`);
    const date = this.options.clock() / 1000;
    for (const extension of ["log", "index"] as const)
      utimesSync(this.path(this.first, extension), date, date);
    this.file = this.create(this.next);
    this.first = this.next;
    this.length = this.options.segmentSize;
    this.end = HEADER_BYTES;
  }

  /** Pre-allocated, as the server does it. */
  private create(first: number): number {
    const file = openSync(this.path(first, "log"), "wx+");
    ftruncateSync(file, this.options.segmentSize);
    writeSync(file, logHeader(), 0, HEADER_BYTES, 0);
    return file;
  }

  private path(first: number, extension: "log" | "index"): string {
    return join(this.options.directory, logName(first, extension));
  }
}
