import { crc32 } from "node:zlib";

import { isToken, type Token, token } from "../token.js";
import { EventHeaders } from "./event-headers.js";
import type { SegmentHeader, SegmentPosition, SegmentScan, SegmentVisitor, Transaction } from "./types.js";

/** `version:u8 flags:i32` */
export const HEADER_BYTES = 5;
/** Of a transaction's fields; the second one is `version:u8 count:i16`. */
const FIELD_BYTES = { size: 4, count: 3, length: 4, crc: 4 } as const;
/** A transaction's bytes beside its events. */
const FRAME_BYTES = FIELD_BYTES.size + FIELD_BYTES.count + FIELD_BYTES.crc;
const NEWEST_VERSION = 2;
const COMPLETE = -1;

const ZEROS = Buffer.alloc(64 * 1024);

/** How to read a segment. */
export interface SegmentScannerOptions extends SegmentVisitor {
  /** The segment's number, which is the token of its first event. */
  readonly segment: Token;
  /** Where the pushed bytes begin, if not at the file's start. The header is then not seen, and has to be told. */
  readonly from?: SegmentPosition & SegmentHeader;
  /** The file's length in bytes, where it is known: a transaction that can't fit is then found at once. */
  readonly fileLength?: number;
}

type Step = "header" | "size" | "count" | "length" | "body" | "crc" | "zeros" | "open" | "torn" | "foreign";

/**
 * Reads a segment as its bytes come, in pieces of any size: from a file, or from a sink. Nothing is kept but a few bytes between
 * pieces (and, for `onEvents`, the headers of one transaction's events), whatever the size of segment, transaction and event. Bytes never make it throw: a
 * segment that is cut off or damaged gives its longest valid prefix.
 */
export class SegmentScanner {
  readonly #visitor: SegmentVisitor;
  readonly #fileLength: number;
  #headers: EventHeaders | undefined;

  #step: Step = "header";
  #reason = "";
  #formatVersion = 0;
  #flags = 0;
  /** Offset in the file of the piece's first byte. */
  #base = 0;
  /** Fixed-size fields that lie across pieces are put together here. */
  readonly #small = Buffer.alloc(8);
  #smallBytes = 0;

  #validBytes = 0;
  #nextToken: Token;
  #transactions = 0;

  /** Of the transaction being read: bytes and events still to come, and the CRC so far. */
  #count = 0;
  #transactionSize = 0;
  #bytesLeft = 0;
  #eventsLeft = 0;
  #bodyLeft = 0;
  #crc = 0;
  /** Where the event bytes that aren't in the CRC yet begin, in the piece. */
  #crcFrom = 0;

  /** @throws RangeError if `from` lies inside of the header. */
  constructor(options: SegmentScannerOptions) {
    this.#visitor = options;
    this.#fileLength = options.fileLength ?? Number.MAX_SAFE_INTEGER;
    this.#nextToken = options.segment;
    if (options.onEvents !== undefined) this.#headers = new EventHeaders();
    const { from } = options;
    if (from === undefined) return;
    if (!Number.isSafeInteger(from.offset) || from.offset < HEADER_BYTES) {
      throw new RangeError(`not a position behind a segment's header: ${from.offset}`);
    }
    this.#base = this.#validBytes = from.offset;
    this.#nextToken = from.token;
    this.#formatVersion = from.formatVersion;
    this.#flags = from.flags;
    if (from.flags !== 0) this.#headers = undefined;
    this.#step = from.formatVersion > NEWEST_VERSION ? "foreign" : "size";
  }

  /** Whether nothing more is to be learned: further bytes are counted and not looked at. Behind an end marker it still is. */
  get done(): boolean {
    return this.#step === "open" || this.#step === "torn" || this.#step === "foreign";
  }

  /** The next bytes. They are not kept: the buffer may be used again. */
  push(chunk: Uint8Array): void {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    this.#crcFrom = 0;
    while (at < buffer.length && !this.done) at = this.#read(buffer, at);
    if (this.#step === "length" || this.#step === "body") this.#hash(buffer, buffer.length);
    this.#base += buffer.length;
  }

  /** What was found, with the input ending here. Pushing may go on, as if a file had grown. */
  end(): SegmentScan {
    const common = {
      formatVersion: this.#formatVersion,
      flags: this.#flags,
      nextToken: this.#nextToken,
      transactions: this.#transactions,
      length: this.#base,
    };
    const torn = (reason: string): SegmentScan => ({
      ...common,
      validBytes: this.#validBytes,
      state: "torn",
      reason,
    });
    switch (this.#step) {
      case "foreign":
        return { ...common, validBytes: this.#base, state: "foreign" };
      case "zeros":
        return { ...common, validBytes: this.#validBytes + FIELD_BYTES.size, state: "closed" };
      case "torn":
        return torn(this.#reason);
      case "header":
        return torn(`the file ends after ${this.#base} bytes, inside of its header`);
      case "open":
        return this.#open(common);
      case "size":
        if (this.#small.subarray(0, this.#smallBytes).every((byte) => byte === 0)) return this.#open(common);
        return torn(this.#ends());
      case "count":
      case "length":
      case "body":
      case "crc":
        return torn(this.#ends());
    }
  }

  #ends(): string {
    return `the bytes end at ${this.#base}, inside of the transaction at ${this.#validBytes}`;
  }

  #open(common: Omit<SegmentScan, "state" | "validBytes">): SegmentScan {
    // A header of zeros with nothing behind it may not have been written yet: to call it valid would make the header that comes look
    // like a change of history.
    const unwritten = this.#validBytes === HEADER_BYTES && this.#formatVersion === 0 && this.#flags === 0;
    return { ...common, validBytes: unwritten ? 0 : this.#validBytes, state: "open" };
  }

  /** One field, or what there is of it. Returns where the next one begins. */
  #read(buffer: Buffer, at: number): number {
    switch (this.#step) {
      case "header":
        return this.#header(buffer, at);
      case "size":
      case "count":
      case "length":
      case "crc":
        return this.#fixed(buffer, at, FIELD_BYTES[this.#step]);
      case "body":
        return this.#body(buffer, at);
      case "zeros":
        return this.#zeros(buffer, at);
      case "open":
      case "torn":
      case "foreign":
        return buffer.length;
    }
  }

  #header(buffer: Buffer, at: number): number {
    if (this.#smallBytes === 0) this.#formatVersion = buffer.readUInt8(at);
    if (this.#formatVersion <= NEWEST_VERSION) return this.#fixed(buffer, at, HEADER_BYTES);
    this.#step = "foreign";
    return at;
  }

  /** A field of `bytes` bytes: read where it lies, or put together from pieces. */
  #fixed(buffer: Buffer, at: number, bytes: number): number {
    if (this.#smallBytes === 0 && at + bytes <= buffer.length) {
      this.#field(buffer, at, at + bytes, buffer);
      return at + bytes;
    }
    const end = Math.min(buffer.length, at + bytes - this.#smallBytes);
    this.#smallBytes += buffer.copy(this.#small, this.#smallBytes, at, end);
    if (this.#smallBytes === bytes) {
      this.#smallBytes = 0;
      this.#field(this.#small, 0, end, buffer);
    }
    return end;
  }

  /** A whole field, at `at` of `bytes`. It ends at `end` of `buffer`. */
  #field(bytes: Buffer, at: number, end: number, buffer: Buffer): void {
    switch (this.#step) {
      case "header":
        this.#flags = bytes.readInt32BE(at + 1);
        if (this.#flags !== 0) this.#headers = undefined;
        this.#validBytes = HEADER_BYTES;
        this.#step = "size";
        break;
      case "size":
        this.#size(bytes.readInt32BE(at));
        break;
      case "count":
        this.#begin(bytes.readInt16BE(at + 1), end);
        break;
      case "length":
        this.#length(bytes.readInt32BE(at), end, buffer);
        break;
      case "crc":
        this.#endTransaction(bytes.readUInt32BE(at));
        break;
      case "body":
      case "zeros":
      case "open":
      case "torn":
      case "foreign":
        break;
    }
  }

  #size(size: number): void {
    if (size === 0) this.#step = "open";
    else if (size === COMPLETE) this.#step = "zeros";
    else if (size < 0) this.#tear(`a size of ${size}`);
    else if (this.#validBytes + FRAME_BYTES + size > this.#fileLength) {
      this.#tear(`a size of ${size}, which goes beyond the file's ${this.#fileLength} bytes`);
    } else {
      this.#transactionSize = this.#bytesLeft = size;
      this.#step = "count";
    }
  }

  #begin(count: number, at: number): void {
    if (count <= 0 || count * FIELD_BYTES.length > this.#bytesLeft || !isToken(this.#nextToken + count)) {
      this.#tear(`${count} events in ${this.#bytesLeft} bytes`);
      return;
    }
    this.#count = this.#eventsLeft = count;
    this.#crc = 0;
    this.#crcFrom = at;
    this.#headers?.begin();
    this.#step = "length";
  }

  #length(length: number, at: number, buffer: Buffer): void {
    const bytesLeft = this.#bytesLeft - FIELD_BYTES.length - length;
    const eventsLeft = this.#eventsLeft - 1;
    const fits = eventsLeft === 0 ? bytesLeft === 0 : bytesLeft >= eventsLeft * FIELD_BYTES.length;
    if (length < 0 || !fits) {
      const which = this.#count - eventsLeft;
      this.#tear(`an event (${which} of ${this.#count}) of ${length} bytes, which doesn't fit the size`);
      return;
    }
    this.#bytesLeft = bytesLeft;
    this.#eventsLeft = eventsLeft;
    this.#bodyLeft = length;
    if (length === 0) this.#endEvent(buffer, at);
    else this.#step = "body";
  }

  #body(buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + this.#bodyLeft);
    this.#headers?.push(buffer, at, end);
    this.#bodyLeft -= end - at;
    if (this.#bodyLeft === 0) this.#endEvent(buffer, end);
    return end;
  }

  #endEvent(buffer: Buffer, at: number): void {
    this.#headers?.endEvent(token(this.#nextToken + this.#count - this.#eventsLeft - 1));
    if (this.#eventsLeft > 0) {
      this.#step = "length";
    } else {
      this.#hash(buffer, at);
      this.#step = "crc";
    }
  }

  /** Event bytes are hashed in as long stretches as the pieces allow. */
  #hash(buffer: Buffer, end: number): void {
    this.#crc = crc32(buffer.subarray(this.#crcFrom, end), this.#crc);
  }

  #endTransaction(crc: number): void {
    if (crc !== this.#crc) {
      this.#tear("its CRC is wrong");
      return;
    }
    const transaction: Transaction = {
      offset: this.#validBytes,
      end: this.#validBytes + FRAME_BYTES + this.#transactionSize,
      firstToken: this.#nextToken,
      count: this.#count,
    };
    this.#validBytes = transaction.end;
    this.#nextToken = token(transaction.firstToken + transaction.count);
    this.#transactions++;
    this.#step = "size";
    this.#visitor.onTransaction?.(transaction);
    if (this.#headers !== undefined) this.#visitor.onEvents?.(transaction, this.#headers.events);
  }

  /** Behind the end marker. */
  #zeros(buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + ZEROS.length);
    if (buffer.compare(ZEROS, 0, end - at, at, end) === 0) return end;
    this.#reason = `the end marker at ${this.#validBytes} is not followed by zeros alone`;
    this.#step = "torn";
    return end;
  }

  #tear(what: string): void {
    this.#reason = `the transaction at ${this.#validBytes} is not complete: ${what}`;
    this.#step = "torn";
  }
}
