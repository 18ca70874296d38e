import { type Token, token } from "../token.js";
import { HEADER_BYTES } from "./scanner.js";
import type { SegmentScan } from "./types.js";

const SIZE_BYTES = 4;
/** `version:u8 count:i16` */
const COUNT_BYTES = 3;
const LENGTH_BYTES = 4;
const CRC_BYTES = 4;
const NEWEST_VERSION = 2;
/** Of an event: in what is longer than this, the header isn't looked for. Real ones have a few hundred bytes. */
const HEAD_BYTES = 4096;

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
  readonly #pieces = Buffer.alloc(HEAD_BYTES);
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
  #isUnreadable = false;

  constructor(
    segment: Token,
    private readonly onEvent: SkimVisitor,
  ) {
    this.#token = token(segment);
  }

  /** Whether the header of some event could not be told: it wasn't passed on. */
  get isUnreadable(): boolean {
    return this.#isUnreadable;
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
        this.#readHead(bytes, at, at + this.#need);
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

  #readHead(bytes: Buffer, from: number, end: number): void {
    let sequenceNumber = 0;
    let timestamp = 0;
    let begin = 0;
    let behind = 0;
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
          break fields;
        default:
          // What comes behind the fields that matter.
          break fields;
      }
    }
    // Not so where a number is none, either.
    const isReadable =
      this.#at <= end && Number.isSafeInteger(sequenceNumber) && Number.isSafeInteger(timestamp);
    if (isReadable) this.onEvent(this.#token, sequenceNumber, timestamp, bytes, begin, behind);
    else this.#isUnreadable = true;
    this.#token++;
  }

  /** Passes over a field of some length; returns where its content begins. */
  #passField(bytes: Buffer): number {
    const length = this.#varint(bytes);
    const begin = this.#at;
    this.#at = begin + length;
    return begin;
  }

  /** Up to 8 bytes; NaN for more, which no number has that is used here. */
  #varint(bytes: Buffer): number {
    let value = 0;
    let worth = 1;
    for (let count = 0; count < 8; count++) {
      const byte = bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * worth;
      if (byte < 0x80) return value;
      worth *= 128;
    }
    return NaN;
  }
}
