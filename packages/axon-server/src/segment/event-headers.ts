import type { Token } from "../token.js";
import type { SegmentEvent } from "./types.js";
import { int64, LOW_BYTES, MAX_VARINT } from "./varint.js";

/** Bytes of one aggregate identifier; real ones have a few dozen. A longer one makes its event unreadable. */
const MAX_IDENTIFIER = 64 * 1024;
/** Bytes of all identifiers of one transaction: the bound of what is kept, for a transaction that holds nothing else. */
const MAX_IDENTIFIERS = 16 * 1024 * 1024;

/** What a varint's bytes are worth. */
const POWERS = [0, 7, 14, 21, 28, 35, 42].map((bits) => 2 ** bits);

/** Field numbers of the protobuf message `Event` (docs/axon-server.md, section 4). */
const AGGREGATE_IDENTIFIER = 2;
const SEQUENCE_NUMBER = 3;
const TIMESTAMP = 5;
const SNAPSHOT = 8;

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

type Step = "tag" | "value" | "length" | "skip" | "identifier" | "unreadable";

/**
 * Reads the header fields of a transaction's serialised events from any pieces. Payload and metadata are passed over without being
 * kept.
 */
export class EventHeaders {
  #events: SegmentEvent[] = [];
  #identifierBudget = MAX_IDENTIFIERS;

  #step: Step = "tag";
  #field = 0;
  /** The varint being read. */
  #low = 0;
  #high = 0;
  #varintBytes = 0;
  /** Bytes to pass over, or of the identifier still to come. */
  #left = 0;
  /** The part of an identifier that came in earlier pieces. */
  #pieces: Buffer[] = [];

  #identifier = "";
  #sequenceNumber = 0;
  #timestamp = 0;
  #snapshot = false;

  /** Begins a transaction, forgetting what came before. */
  begin(): void {
    this.#events = [];
    this.#identifierBudget = MAX_IDENTIFIERS;
    this.#reset();
  }

  /** The events since `begin`. */
  get events(): readonly SegmentEvent[] {
    return this.#events;
  }

  /** The current event's next bytes: from `at` to `end` of `chunk`, which may be used again for others afterwards. */
  push(chunk: Buffer, at: number, end: number): void {
    while (at < end && this.#step !== "unreadable") {
      if (this.#step === "skip" || this.#step === "identifier") {
        const pieceEnd = Math.min(end, at + this.#left);
        this.#left -= pieceEnd - at;
        if (this.#step === "identifier") this.#keep(chunk, at, pieceEnd);
        if (this.#left === 0) this.#step = "tag";
        at = pieceEnd;
      } else {
        this.#varintByte(chunk[at++] ?? 0);
      }
    }
  }

  /** The current event is complete. */
  endEvent(token: Token): void {
    // Inside of a field, or of a tag: the last field was longer than the event.
    const readable = this.#step === "tag" && this.#varintBytes === 0;
    this.#events.push(
      readable
        ? {
            readable,
            token,
            aggregateIdentifier: this.#identifier,
            sequenceNumber: this.#sequenceNumber,
            timestamp: this.#timestamp,
            snapshot: this.#snapshot,
          }
        : { readable, token },
    );
    this.#reset();
  }

  #varintByte(byte: number): void {
    if (this.#varintBytes === 0 && byte < 0x80) {
      this.#varint(byte);
      return;
    }
    const bits = byte & 0x7f;
    if (this.#varintBytes < LOW_BYTES) this.#low += bits * (POWERS[this.#varintBytes] ?? 0);
    else this.#high += bits * (POWERS[this.#varintBytes - LOW_BYTES] ?? 0);
    this.#varintBytes++;
    if (byte >= 0x80) {
      if (this.#varintBytes === MAX_VARINT) this.#step = "unreadable";
      return;
    }
    const value = int64(this.#low, this.#high);
    this.#low = this.#high = this.#varintBytes = 0;
    this.#varint(value);
  }

  #varint(value: number): void {
    // Of a value, any int64 will do, beyond 2^53 as the nearest number that there is.
    if (this.#step === "value") this.#value(value);
    else if (!Number.isSafeInteger(value)) this.#step = "unreadable";
    else if (this.#step === "tag") this.#tag(value);
    else this.#length(value);
  }

  #tag(tag: number): void {
    this.#field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (this.#field < 1) this.#step = "unreadable";
    else if (wireType === VARINT) this.#step = "value";
    else if (wireType === DELIMITED) this.#step = "length";
    else if (wireType === FIXED64) this.#skip(8);
    else if (wireType === FIXED32) this.#skip(4);
    else this.#step = "unreadable";
  }

  #length(length: number): void {
    if (this.#field !== AGGREGATE_IDENTIFIER) {
      if (length < 0) this.#step = "unreadable";
      else this.#skip(length);
      return;
    }
    // A repeated field replaces the one before.
    this.#identifier = "";
    this.#pieces = [];
    this.#identifierBudget -= Math.max(0, length);
    if (length < 0 || length > MAX_IDENTIFIER || this.#identifierBudget < 0) this.#step = "unreadable";
    else {
      this.#left = length;
      this.#step = length === 0 ? "tag" : "identifier";
    }
  }

  #skip(length: number): void {
    this.#left = length;
    this.#step = length === 0 ? "tag" : "skip";
  }

  #value(value: number): void {
    if (this.#field === SEQUENCE_NUMBER) this.#sequenceNumber = value;
    else if (this.#field === TIMESTAMP) this.#timestamp = value;
    else if (this.#field === SNAPSHOT) this.#snapshot = value !== 0;
    this.#step = "tag";
  }

  #keep(chunk: Buffer, at: number, end: number): void {
    if (this.#left === 0 && this.#pieces.length === 0) {
      this.#identifier = chunk.toString("utf8", at, end);
      return;
    }
    this.#pieces.push(Buffer.from(chunk.subarray(at, end)));
    if (this.#left > 0) return;
    this.#identifier = Buffer.concat(this.#pieces).toString("utf8");
    this.#pieces = [];
  }

  #reset(): void {
    this.#step = "tag";
    this.#low = this.#high = this.#varintBytes = 0;
    if (this.#pieces.length > 0) this.#pieces = [];
    this.#identifier = "";
    this.#sequenceNumber = this.#timestamp = 0;
    this.#snapshot = false;
  }
}
