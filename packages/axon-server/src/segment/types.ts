import type { Token } from "../token.js";

/**
 * Where reading a segment may begin besides its start: behind a transaction that was seen complete.
 */
export interface SegmentPosition {
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** The token that the next event will have. */
  readonly token: Token;
}

/** What one reading of a segment found. */
export type SegmentScan = {
  /** The format's version byte. 0 to 2 are known. */
  readonly formatVersion: number;
  /** Other than 0: an event transformer was at work; events can't be read, framing and CRC can. */
  readonly flags: number;
  /** The end of the last complete transaction; for a closed segment, behind its end marker. Never beyond what was read. */
  readonly validBytes: number;
  /** The token after the last complete transaction's last event: the first token of the next segment, once this one is closed. */
  readonly nextToken: Token;
  /** Complete transactions seen, from where reading began. */
  readonly transactions: number;
  /** Bytes read in all: the file's length, when it was read to its end. */
  readonly length: number;
} & (
  | { readonly state: "closed" }
  /** No end marker: zeros, or nothing, follow the last transaction. */
  | { readonly state: "open" }
  /** Something follows the last complete transaction that is neither an end nor a complete transaction. */
  | { readonly state: "torn"; readonly reason: string }
  /** A format version that isn't known: nothing but the version byte was understood; `validBytes` is the length. */
  | { readonly state: "foreign" }
);

/** An event's fields that a backup can need. Strings are as stored. */
export interface EventHeader {
  readonly token: Token;
  /** "" if there is none. */
  readonly aggregateIdentifier: string;
  readonly sequenceNumber: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly snapshot: boolean;
}

/** A complete transaction whose CRC is right. */
export interface Transaction {
  /** Of the transaction's first byte. */
  readonly offset: number;
  /** Of the byte behind its CRC. */
  readonly end: number;
  readonly firstToken: Token;
  /** How many events. */
  readonly count: number;
}
