import { type Token, token } from "../token.js";
import { EventHeaders } from "./event-headers.js";
import { FieldReader } from "./field.js";
import { HEADER_BYTES } from "./header.js";
import { FRAME_BYTES, SIZE_BYTES, TransactionReader } from "./transaction-reader.js";
import type { SegmentHeader, SegmentPosition, SegmentScan, SegmentVisitor, Transaction } from "./types.js";

const NEWEST_VERSION = 2;
/** In the place of a transaction's size. */
const NOTHING_YET = 0;
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

type Step = "header" | "size" | "transaction" | "zeros" | "open" | "torn" | "foreign";

/**
 * Reads a segment as its bytes come, in pieces of any size: from a file, or from a sink (docs/axon-server.md, section 4). Nothing is kept
 * but a few bytes between pieces (and, for `onEvents`, the headers of one transaction's events), whatever the size of segment,
 * transaction and event. No bytes make it throw: a segment that is cut off or damaged gives its longest valid prefix.
 */
export class SegmentScanner {
  readonly #visitor: SegmentVisitor;
  readonly #fileLength: number;
  readonly #field = new FieldReader();
  #headers: EventHeaders | undefined;
  #transaction: TransactionReader;

  #step: Step = "header";
  #reason = "";
  #formatVersion = 0;
  #flags = 0;
  /** Offset of the byte behind the last one pushed. */
  #length = 0;
  #validBytes = 0;
  #nextToken: Token;
  #transactions = 0;

  /** @throws RangeError if `from` lies inside of the header. */
  constructor(options: SegmentScannerOptions) {
    this.#visitor = options;
    this.#fileLength = options.fileLength ?? Number.MAX_SAFE_INTEGER;
    this.#headers = options.onEvents === undefined ? undefined : new EventHeaders();
    this.#transaction = new TransactionReader(this.#headers);
    this.#nextToken = options.segment;
    const { from } = options;
    if (from === undefined) return;
    if (!Number.isSafeInteger(from.offset) || from.offset < HEADER_BYTES) {
      throw new RangeError(`not a position behind a segment's header: ${from.offset}`);
    }
    this.#length = this.#validBytes = from.offset;
    this.#nextToken = from.token;
    this.#beginAt(from);
  }

  /**
   * Whether nothing more is to be learned: further bytes are counted and not looked at. Behind an end marker it is still to be learned
   * whether zeros follow alone.
   */
  get done(): boolean {
    return this.#step === "open" || this.#step === "torn" || this.#step === "foreign";
  }

  /** The next bytes. They are not kept: the buffer may be used again. Throws only what the visitor throws. */
  push(chunk: Uint8Array): void {
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < piece.length && !this.done) at = this.#read(piece, at);
    this.#length += piece.length;
  }

  /** What was found, with the input ending here. */
  end(): SegmentScan {
    const scan = {
      formatVersion: this.#formatVersion,
      flags: this.#flags,
      validBytes: this.#validBytes,
      nextToken: this.#nextToken,
      transactions: this.#transactions,
      length: this.#length,
    };
    // In what follows, what is new comes before what is spread: the other way round, V8 gives each object a hidden class of its own (docs/performance.md).
    // Such a header may not have been written yet: calling it valid would make the real one look like a change of history.
    const unwritten = this.#validBytes === HEADER_BYTES && this.#formatVersion === 0 && this.#flags === 0;
    const open = { state: "open", ...scan, validBytes: unwritten ? 0 : this.#validBytes } as const;
    switch (this.#step) {
      case "header":
        return {
          state: "torn",
          reason: `the file ends after ${this.#length} bytes, inside of its header`,
          ...scan,
        };
      case "size":
        return this.#field.held.every((byte) => byte === 0)
          ? open
          : { state: "torn", reason: this.#ends(), ...scan };
      case "open":
        return open;
      case "zeros":
        return { state: "closed", ...scan, validBytes: this.#validBytes + SIZE_BYTES };
      case "transaction":
        return { state: "torn", reason: this.#ends(), ...scan };
      case "torn":
        return { state: "torn", reason: this.#reason, ...scan };
      case "foreign":
        return { state: "foreign", ...scan, validBytes: this.#length };
    }
  }

  /** Reads a part; returns where the next one begins. */
  #read(piece: Buffer, at: number): number {
    switch (this.#step) {
      case "header":
        return this.#readHeader(piece, at);
      case "size":
        return this.#readSize(piece, at);
      case "transaction":
        return this.#readTransaction(piece, at);
      case "zeros":
        return this.#readZeros(piece, at);
      case "open":
      case "torn":
      case "foreign":
        return piece.length;
    }
  }

  #readHeader(piece: Buffer, at: number): number {
    // The version tells whether the rest can be understood.
    if (this.#field.held.length === 0) this.#formatVersion = piece.readUInt8(at);
    if (this.#formatVersion > NEWEST_VERSION) {
      this.#step = "foreign";
      return at;
    }
    const end = this.#field.take(piece, at, HEADER_BYTES);
    const { bytes } = this.#field;
    if (bytes === undefined) return end;
    this.#validBytes = HEADER_BYTES;
    this.#beginAt({ formatVersion: this.#formatVersion, flags: bytes.readInt32BE(this.#field.at + 1) });
    return end;
  }

  #beginAt(header: SegmentHeader): void {
    this.#formatVersion = header.formatVersion;
    this.#flags = header.flags;
    this.#step = header.formatVersion > NEWEST_VERSION ? "foreign" : "size";
    if (header.flags === 0 || this.#headers === undefined) return;
    this.#headers = undefined;
    this.#transaction = new TransactionReader(undefined);
  }

  #readSize(piece: Buffer, at: number): number {
    const end = this.#field.take(piece, at, SIZE_BYTES);
    const size = this.#field.bytes?.readInt32BE(this.#field.at);
    if (size === undefined) return end;
    if (size === NOTHING_YET) this.#step = "open";
    else if (size === COMPLETE) this.#step = "zeros";
    else if (size < 0) this.#tear(`its size is ${size}`);
    else if (this.#validBytes + FRAME_BYTES + size > this.#fileLength) {
      this.#tear(`its size of ${size} goes beyond the file's ${this.#fileLength} bytes`);
    } else {
      this.#transaction.begin(size, this.#nextToken);
      this.#step = "transaction";
    }
    return end;
  }

  #readTransaction(piece: Buffer, at: number): number {
    const end = this.#transaction.push(piece, at);
    const { state } = this.#transaction;
    if (state === "torn") this.#tear(this.#transaction.reason);
    else if (state === "complete") this.#confirm();
    return end;
  }

  #confirm(): void {
    const { size, count } = this.#transaction;
    const end = this.#validBytes + FRAME_BYTES + size;
    const transaction: Transaction = { offset: this.#validBytes, end, firstToken: this.#nextToken, count };
    this.#validBytes = end;
    this.#nextToken = token(this.#nextToken + count);
    this.#transactions++;
    this.#step = "size";
    this.#visitor.onTransaction?.(transaction);
    if (this.#headers !== undefined) this.#visitor.onEvents?.(transaction, this.#headers.events);
  }

  #readZeros(piece: Buffer, at: number): number {
    const end = Math.min(piece.length, at + ZEROS.length);
    if (piece.compare(ZEROS, 0, end - at, at, end) !== 0) {
      this.#reason = `the end marker at ${this.#validBytes} is not followed by zeros alone`;
      this.#step = "torn";
    }
    return end;
  }

  #tear(what: string): void {
    this.#reason = `the transaction at ${this.#validBytes} is damaged or incomplete: ${what}`;
    this.#step = "torn";
  }

  #ends(): string {
    return `the bytes end at ${this.#length}, inside of the transaction at ${this.#validBytes}`;
  }
}
