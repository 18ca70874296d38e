import { crc32 } from "node:zlib";

import { FieldReader } from "../segment/field.js";
import { HEADER_BYTES } from "../segment/header.js";
import { isLogIndex, type LogIndex } from "./log-index.js";
import type { LogSegmentScan, LogVisitor } from "./types.js";

/** Of a file and of an entry. */
const KNOWN_VERSION = 0;
/** `size:i32` */
const SIZE_BYTES = 4;
/** `version:u8 term:i64 type:i32` */
const ENTRY_HEADER_BYTES = 13;
const CRC_BYTES = 4;
/** An entry's bytes beside its data. */
const FRAME_BYTES = SIZE_BYTES + ENTRY_HEADER_BYTES + CRC_BYTES;
/** In the place of an entry's size. */
const NOTHING_YET = 0;
const COMPLETE = -1;

/** How to read a log entry segment. */
export interface LogScannerOptions extends LogVisitor {
  /** The segment's number, which is the index of its first entry. */
  readonly first: LogIndex;
  /** The file's length in bytes, where it is known: an entry that can't fit is then found at once. */
  readonly fileLength?: number;
}

type Step = "header" | "size" | "entry" | "data" | "crc" | "complete" | "open" | "torn" | "foreign";
const ENDS: ReadonlySet<Step> = new Set(["complete", "open", "torn", "foreign"]);

/**
 * Reads a log entry segment as its bytes come, in pieces of any size (docs/axon-server.md, section 7). Nothing is kept but a few bytes between pieces, however large an entry. No
 * bytes make it throw: a segment that is cut off or damaged gives its longest valid prefix.
 */
export class LogScanner {
  readonly #first: LogIndex;
  readonly #onEntry: LogVisitor["onEntry"];
  readonly #fileLength: number;
  readonly #field = new FieldReader();

  #step: Step = "header";
  #reason = "";
  #formatVersion = 0;
  #flags = 0;
  /** Offset of the byte behind the last one pushed. */
  #length = 0;
  #validBytes = 0;
  #nextIndex: number;
  #firstTerm: number | undefined;
  #lastTerm: number | undefined;
  #fallingTerm: LogIndex | undefined;

  /** Of the current entry. */
  #size = 0;
  #term = 0;
  #type = 0;
  #dataLeft = 0;
  #crc = 0;

  constructor(options: LogScannerOptions) {
    this.#first = options.first;
    this.#nextIndex = options.first;
    this.#onEntry = options.onEntry;
    this.#fileLength = options.fileLength ?? Number.MAX_SAFE_INTEGER;
  }

  /** Whether nothing more is to be learned: further bytes are counted and not looked at. */
  get done(): boolean {
    return ENDS.has(this.#step);
  }

  /** The next bytes. They are not kept: the buffer may be used again. Throws only what the visitor throws. */
  push(chunk: Uint8Array): void {
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < piece.length && !this.done) at = this.#read(piece, at);
    this.#length += piece.length;
  }

  /** What was found, with the input ending here. */
  end(): LogSegmentScan {
    const scan = {
      formatVersion: this.#formatVersion,
      flags: this.#flags,
      validBytes: this.#validBytes,
      entries: this.#nextIndex - this.#first,
      firstIndex: this.#first,
      nextIndex: this.#nextIndex as LogIndex,
      firstTerm: this.#firstTerm,
      lastTerm: this.#lastTerm,
      fallingTerm: this.#fallingTerm,
      length: this.#length,
    };
    switch (this.#step) {
      case "header": {
        const reason = `the file ends after ${this.#length} bytes, inside of its header`;
        return { state: "torn", reason, ...scan };
      }
      case "size":
        return this.#field.held.every((byte) => byte === 0) ? this.#asOpen(scan) : this.#asCut(scan);
      case "open":
        return this.#asOpen(scan);
      case "complete":
        return { state: "complete", ...scan, validBytes: this.#validBytes + SIZE_BYTES };
      case "entry":
      case "data":
      case "crc":
        return this.#asCut(scan);
      case "torn":
        return { state: "torn", reason: this.#reason, ...scan };
      case "foreign":
        return { state: "foreign", ...scan, validBytes: this.#length };
    }
  }

  #asOpen(scan: Omit<LogSegmentScan, "state">): LogSegmentScan {
    // A header of zeros and no header look the same.
    const unwritten = scan.entries === 0 && scan.flags === 0;
    return { state: "open", ...scan, validBytes: unwritten ? 0 : scan.validBytes };
  }

  #asCut(scan: Omit<LogSegmentScan, "state">): LogSegmentScan {
    const reason = `the bytes end at ${this.#length}, inside of the entry at ${this.#validBytes}`;
    return { state: "torn", reason, ...scan };
  }

  /** Reads a part; returns where the next one begins. */
  #read(piece: Buffer, at: number): number {
    switch (this.#step) {
      case "header":
        return this.#readHeader(piece, at);
      case "size":
        return this.#take(piece, at, SIZE_BYTES, (bytes, field) => {
          this.#beginEntry(bytes.readInt32BE(field));
        });
      case "entry":
        return this.#take(piece, at, ENTRY_HEADER_BYTES, (bytes, field) => {
          this.#beginData(bytes.readUInt8(field), bytes.readBigInt64BE(field + 1));
          this.#type = bytes.readInt32BE(field + 9);
        });
      case "data": {
        const end = Math.min(piece.length, at + this.#dataLeft);
        this.#crc = crc32(piece.subarray(at, end), this.#crc);
        this.#dataLeft -= end - at;
        if (this.#dataLeft === 0) this.#step = "crc";
        return end;
      }
      case "crc":
        return this.#take(piece, at, CRC_BYTES, (bytes, field) => {
          if (bytes.readUInt32BE(field) === this.#crc) this.#confirm();
          else this.#tear("its CRC is wrong");
        });
      case "complete":
      case "open":
      case "torn":
      case "foreign":
        return piece.length;
    }
  }

  #take(piece: Buffer, at: number, size: number, use: (bytes: Buffer, field: number) => void): number {
    const end = this.#field.take(piece, at, size);
    const { bytes } = this.#field;
    if (bytes !== undefined) use(bytes, this.#field.at);
    return end;
  }

  #readHeader(piece: Buffer, at: number): number {
    // The version tells whether the rest can be understood.
    if (this.#field.held.length === 0) this.#formatVersion = piece.readUInt8(at);
    if (this.#formatVersion !== KNOWN_VERSION) {
      this.#step = "foreign";
      return at;
    }
    return this.#take(piece, at, HEADER_BYTES, (bytes, field) => {
      this.#flags = bytes.readInt32BE(field + 1);
      this.#validBytes = HEADER_BYTES;
      this.#step = "size";
    });
  }

  #beginEntry(size: number): void {
    if (size === NOTHING_YET) this.#step = "open";
    else if (size === COMPLETE) this.#step = "complete";
    else if (size < 0) this.#tear(`its size is ${size}`);
    else if (this.#validBytes + FRAME_BYTES + size > this.#fileLength) {
      this.#tear(`its size of ${size} goes beyond the file's ${this.#fileLength} bytes`);
    } else {
      this.#size = this.#dataLeft = size;
      this.#crc = 0;
      this.#step = "entry";
    }
  }

  #beginData(version: number, term: bigint): void {
    this.#term = Number(term);
    if (version !== KNOWN_VERSION) this.#tear(`its version is ${version}, which is not known`);
    else if (term < 0n || !Number.isSafeInteger(this.#term)) this.#tear(`its term is ${term}`);
    else if (!isLogIndex(this.#nextIndex + 1)) this.#tear("its index is beyond 2^53 - 2");
    else this.#step = "data";
  }

  #confirm(): void {
    const index = this.#nextIndex as LogIndex;
    const offset = this.#validBytes;
    if (this.#lastTerm !== undefined && this.#term < this.#lastTerm) this.#fallingTerm ??= index;
    this.#validBytes = offset + FRAME_BYTES + this.#size;
    this.#firstTerm ??= this.#term;
    this.#lastTerm = this.#term;
    this.#nextIndex++;
    this.#step = "size";
    this.#onEntry?.({
      offset,
      end: this.#validBytes,
      index,
      term: this.#term,
      type: this.#type,
      size: this.#size,
    });
  }

  #tear(what: string): void {
    this.#reason = `the entry at ${this.#validBytes} is damaged or incomplete: ${what}`;
    this.#step = "torn";
  }
}
