import { crc32 } from "node:zlib";

import { isToken, type Token, token } from "../token.js";
import type { EventHeaders } from "./event-headers.js";
import { FieldReader } from "./field.js";

/** `size:i32` */
export const SIZE_BYTES = 4;
/** `version:u8 count:i16` */
const COUNT_BYTES = 3;
const LENGTH_BYTES = 4;
const CRC_BYTES = 4;
/** A transaction's bytes beside its events. */
export const FRAME_BYTES = SIZE_BYTES + COUNT_BYTES + CRC_BYTES;

type Step = "count" | "length" | "body" | "crc" | "complete" | "torn";

/**
 * Reads a transaction behind its size, from pieces, and checks that its parts fit each other: the lengths of its events and their
 * count the size, the CRC the bytes.
 */
export class TransactionReader {
  readonly #headers: EventHeaders | undefined;
  readonly #field = new FieldReader();
  #step: Step = "complete";
  #reason = "";
  #firstToken = 0;
  #size = 0;
  #count = 0;
  /** Of the transaction, and of the current event: still to come. */
  #bytesLeft = 0;
  #eventsLeft = 0;
  #bodyLeft = 0;
  #crc = 0;
  /** Where the piece's event bytes begin that aren't in the CRC yet: they are hashed in stretches as long as the pieces allow. */
  #crcFrom = 0;

  /** Event headers are read where there is something to read them into. */
  constructor(headers: EventHeaders | undefined) {
    this.#headers = headers;
  }

  get state(): "reading" | "complete" | "torn" {
    return this.#step === "complete" || this.#step === "torn" ? this.#step : "reading";
  }

  /** Why it is torn. */
  get reason(): string {
    return this.#reason;
  }

  get size(): number {
    return this.#size;
  }

  get count(): number {
    return this.#count;
  }

  /** A transaction of `size` bytes of events begins. */
  begin(size: number, firstToken: Token): void {
    this.#firstToken = firstToken;
    this.#size = this.#bytesLeft = size;
    this.#crc = 0;
    this.#headers?.begin();
    this.#step = "count";
  }

  /** Reads from `at` of `piece` on, up to the transaction's end; returns the offset behind what it read. */
  push(piece: Buffer, at: number): number {
    this.#crcFrom = at;
    while (at < piece.length && this.state === "reading") at = this.#read(piece, at);
    if (this.#step === "length" || this.#step === "body") this.#hash(piece, at);
    return at;
  }

  #read(piece: Buffer, at: number): number {
    if (this.#step === "body") {
      const end = Math.min(piece.length, at + this.#bodyLeft);
      this.#headers?.push(piece, at, end);
      this.#bodyLeft -= end - at;
      if (this.#bodyLeft === 0) this.#endEvent(piece, end);
      return end;
    }
    const end = this.#field.take(piece, at, this.#step === "count" ? COUNT_BYTES : LENGTH_BYTES);
    const { bytes, at: field } = this.#field;
    if (bytes === undefined) return end;
    if (this.#step === "count") {
      this.#begin(bytes.readInt16BE(field + 1));
      this.#crcFrom = end;
    } else if (this.#step === "length") {
      this.#beginEvent(bytes.readInt32BE(field), piece, end);
    } else {
      this.#end(bytes.readUInt32BE(field));
    }
    return end;
  }

  #begin(count: number): void {
    if (count <= 0 || count * LENGTH_BYTES > this.#size || !isToken(this.#firstToken + count)) {
      this.#tear(`${count} events in ${this.#size} bytes`);
      return;
    }
    this.#count = this.#eventsLeft = count;
    this.#step = "length";
  }

  #beginEvent(length: number, piece: Buffer, at: number): void {
    this.#eventsLeft--;
    this.#bytesLeft -= LENGTH_BYTES + length;
    const fits =
      this.#eventsLeft === 0 ? this.#bytesLeft === 0 : this.#bytesLeft >= this.#eventsLeft * LENGTH_BYTES;
    if (length < 0 || !fits) {
      this.#tear(
        `event ${this.#count - this.#eventsLeft} of ${this.#count} has ${length} bytes, which doesn't fit its size of ${this.#size}`,
      );
      return;
    }
    this.#bodyLeft = length;
    this.#step = "body";
    if (length === 0) this.#endEvent(piece, at);
  }

  #endEvent(piece: Buffer, at: number): void {
    this.#headers?.endEvent(token(this.#firstToken + this.#count - this.#eventsLeft - 1));
    if (this.#eventsLeft > 0) {
      this.#step = "length";
    } else {
      this.#hash(piece, at);
      this.#step = "crc";
    }
  }

  #hash(piece: Buffer, end: number): void {
    this.#crc = crc32(piece.subarray(this.#crcFrom, end), this.#crc);
  }

  #end(crc: number): void {
    if (crc === this.#crc) this.#step = "complete";
    else this.#tear("its CRC is wrong");
  }

  #tear(reason: string): void {
    this.#reason = reason;
    this.#step = "torn";
  }
}
