import { type Token, token } from "../token.js";
import { HEADER_BYTES } from "./header.js";
import type { SegmentScan } from "./types.js";
import { int64, LOW_BYTES, MAX_VARINT } from "./varint.js";

const SIZE_BYTES = 4;
/** `version:u8 count:i16` */
const COUNT_BYTES = 3;
const LENGTH_BYTES = 4;
const CRC_BYTES = 4;
const NEWEST_VERSION = 2;
/** Of an event: where its header is looked for at first. Real ones have a few hundred bytes. */
const HEAD_BYTES = 4096;
/** Where it is looked for if it doesn't end there: as long an identifier as a `SegmentScanner` reads. */
const LONG_HEAD_BYTES = 64 * 1024 + HEAD_BYTES;

/** Tags of the protobuf message `Event` (docs/axon-server.md, section 4), in the order in which servers write them. */
const MESSAGE_IDENTIFIER = 0x0a;
const AGGREGATE_IDENTIFIER = 0x12;
const SEQUENCE_NUMBER = 0x18;
const AGGREGATE_TYPE = 0x22;
const TIMESTAMP = 0x28;

/** An event's header, as far as it is asked for. The identifier's bytes are in a buffer that is used again; a range without any for none. */
export type SkimVisitor = (
  token: number,
  sequenceNumber: number,
  timestamp: number,
  identifier: Buffer,
  from: number,
  to: number,
) => void;

/** What skimming a segment found. */
export type Skimmed = Pick<SegmentScan, "state" | "flags" | "transactions">;

type Step = "header" | "size" | "count" | "length" | "head" | "end";

/**
 * Reads the headers of a segment's events as its bytes come, several times faster than a `SegmentScanner`: for bytes that are known to be those that were checked once. It doesn't compute CRCs,
 * makes no objects, looks at nothing behind an event's timestamp, and takes the fields to be in the order in which servers write them. No bytes make it throw.
 */
export class SegmentSkimmer {
  #step: Step = "header";
  /** Bytes that the step needs in one piece. */
  #need = HEADER_BYTES;
  /** Bytes to pass over before it. */
  #skip = 0;
  /** Of a step whose bytes came in several pieces. */
  #pieces = Buffer.alloc(HEAD_BYTES);
  #held = 0;

  #state: "closed" | "open" | "torn" | "foreign" = "torn";
  #flags = 0;
  #transactions = 0;
  #token: number;
  /** Of the transaction: still to come. */
  #eventsLeft = 0;
  #bytesLeft = 0;
  /** Of the event. */
  #length = 0;
  #at = 0;
  #unreadable = 0;
  #lastUnreadable = -1;

  constructor(
    segment: Token,
    private readonly onEvent: SkimVisitor,
  ) {
    this.#token = token(segment);
  }

  /** Of how many events the header could not be told: they weren't passed on. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** The token of the last of these; -1 for none. */
  get lastUnreadable(): number {
    return this.#lastUnreadable;
  }

  /** The next bytes. They are not kept. Throws only what the visitor throws. */
  push(chunk: Uint8Array): void {
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (this.#step !== "end") {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, piece.length - at);
        this.#skip -= passed;
        at += passed;
        if (this.#skip > 0) return;
      }
      const need = this.#need;
      if (this.#held === 0 && piece.length - at >= need) {
        this.#read(piece, at);
        at += need;
        continue;
      }
      const end = Math.min(piece.length, at + need - this.#held);
      this.#held += piece.copy(this.#pieces, this.#held, at, end);
      at = end;
      if (this.#held < need) return;
      this.#held = 0;
      this.#read(this.#pieces, 0);
    }
  }

  /** What was found, with the input ending here. */
  end(): Skimmed {
    const isOpen =
      this.#step === "size" &&
      this.#skip === 0 &&
      this.#pieces.subarray(0, this.#held).every((byte) => byte === 0);
    return { state: isOpen ? "open" : this.#state, flags: this.#flags, transactions: this.#transactions };
  }

  #read(bytes: Buffer, at: number): void {
    switch (this.#step) {
      case "header":
        this.#flags = bytes.readInt32BE(at + 1);
        if ((bytes[at] ?? 0) > NEWEST_VERSION) this.#end("foreign");
        else this.#next("size", SIZE_BYTES);
        return;
      case "size": {
        const size = bytes.readInt32BE(at);
        if (size <= 0) this.#end(size === 0 ? "open" : size === -1 ? "closed" : "torn");
        else {
          this.#bytesLeft = size;
          this.#next("count", COUNT_BYTES);
        }
        return;
      }
      case "count":
        this.#eventsLeft = bytes.readInt16BE(at + 1);
        if (this.#eventsLeft <= 0) this.#end("torn");
        else if (this.#flags !== 0) this.#pass();
        else this.#next("length", LENGTH_BYTES);
        return;
      case "length":
        this.#length = bytes.readInt32BE(at);
        this.#bytesLeft -= LENGTH_BYTES + this.#length;
        this.#eventsLeft--;
        if (this.#length < 0 || this.#bytesLeft < 0) this.#end("torn");
        else this.#next("head", Math.min(this.#length, HEAD_BYTES));
        return;
      case "head":
        if (!this.#readHead(bytes, at, at + this.#need)) {
          this.#extendHead(bytes, at);
          return;
        }
        this.#skip = this.#length - this.#need;
        if (this.#eventsLeft > 0) this.#next("length", LENGTH_BYTES);
        else if (this.#bytesLeft === 0) this.#endTransaction();
        else this.#end("torn");
        return;
      case "end":
    }
  }

  /** The events of a transaction that can't be read are passed over. */
  #pass(): void {
    this.#skip = this.#bytesLeft;
    this.#token += this.#eventsLeft;
    this.#endTransaction();
  }

  #endTransaction(): void {
    this.#skip += CRC_BYTES;
    this.#transactions++;
    this.#next("size", SIZE_BYTES);
  }

  #next(step: Step, need: number): void {
    this.#step = step;
    this.#need = need;
  }

  #end(state: "closed" | "open" | "torn" | "foreign"): void {
    this.#state = state;
    this.#step = "end";
  }

  /** More of an event whose header doesn't end in what there is of it. */
  #extendHead(bytes: Buffer, at: number): void {
    const pieces = this.#pieces.length < LONG_HEAD_BYTES ? Buffer.alloc(LONG_HEAD_BYTES) : this.#pieces;
    bytes.copy(pieces, 0, at, at + this.#need);
    this.#pieces = pieces;
    this.#held = this.#need;
    this.#need = Math.min(this.#length, LONG_HEAD_BYTES);
  }

  /** @returns false when the header may end behind `end`: nothing was passed on then */
  #readHead(bytes: Buffer, from: number, end: number): boolean {
    let sequenceNumber = 0;
    let timestamp = 0;
    let begin = 0;
    let behind = 0;
    let isDone = false;
    this.#at = from;
    fields: while (this.#at < end) {
      switch (bytes[this.#at++] ?? 0) {
        case MESSAGE_IDENTIFIER:
        case AGGREGATE_TYPE:
          this.#passField(bytes);
          break;
        case AGGREGATE_IDENTIFIER:
          begin = this.#passField(bytes);
          behind = this.#at;
          break;
        case SEQUENCE_NUMBER:
          sequenceNumber = this.#varint(bytes);
          break;
        case TIMESTAMP:
          timestamp = this.#varint(bytes);
          isDone = true;
          break fields;
        default:
          // What comes behind the fields that matter.
          isDone = true;
          break fields;
      }
    }
    const isInside = this.#at <= end;
    if (!(isDone && isInside) && this.#need < Math.min(this.#length, LONG_HEAD_BYTES)) return false;
    if (isInside && !Number.isNaN(sequenceNumber) && !Number.isNaN(timestamp))
      this.onEvent(this.#token, sequenceNumber, timestamp, bytes, begin, behind);
    else {
      this.#unreadable++;
      this.#lastUnreadable = this.#token;
    }
    this.#token++;
    return true;
  }

  /** Passes over a field of some length; returns where its content begins. */
  #passField(bytes: Buffer): number {
    const length = this.#varint(bytes);
    const begin = this.#at;
    // An end that is none is inside of nothing.
    this.#at = length >= 0 ? begin + length : NaN;
    return begin;
  }

  /** An int64, beyond 2^53 the nearest number that there is; NaN for what isn't one. */
  #varint(bytes: Buffer): number {
    let low = 0;
    let worth = 1;
    for (let count = 0; count < LOW_BYTES; count++) {
      const byte = bytes[this.#at++] ?? 0;
      low += (byte & 0x7f) * worth;
      if (byte < 0x80) return low;
      worth *= 128;
    }
    let high = 0;
    worth = 1;
    for (let count = LOW_BYTES; count < MAX_VARINT; count++) {
      const byte = bytes[this.#at++] ?? 0;
      high += (byte & 0x7f) * worth;
      worth *= 128;
      if (byte < 0x80) return int64(low, high);
    }
    return NaN;
  }
}
