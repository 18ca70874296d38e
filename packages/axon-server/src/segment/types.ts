import type { Token } from "../token.js";

/** The first bytes of a segment: `version:u8 flags:i32`. */
export interface SegmentHeader {
  /** The format's version byte. 0 to 2 are known. */
  readonly formatVersion: number;
  /** Other than 0: an event transformer was at work; events can't be read, framing and CRC can. */
  readonly flags: number;
}

/**
 * Where reading a segment may begin besides its start: behind a transaction that was seen complete. `validBytes` and `nextToken` of an
 * open segment's scan are one; a closed segment's `validBytes` lie behind its end marker, where there is nothing to read.
 */
export interface SegmentPosition {
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** The token that the next event will have. */
  readonly token: Token;
}

/** What one reading of a segment found. In a file that ends inside its header, `flags` (and `formatVersion`, if it is empty) are 0. */
export type SegmentScan = SegmentHeader & {
  /**
   * The end of the last complete transaction; for a closed segment, behind its end marker. Never beyond what was read.
   * 0 while the segment is open and holds no transaction and a header of zeros, which may not have been written yet.
   */
  readonly validBytes: number;
  /** The token after the last complete transaction's last event: the first token of the next segment, once this one is closed. */
  readonly nextToken: Token;
  /** Complete transactions seen, from where reading began. */
  readonly transactions: number;
  /** Where the bytes end: the file's length, also when it wasn't read to its end. */
  readonly length: number;
} & (
    | { readonly state: "closed" }
    /** No end marker: a size of zero, or nothing, follows the last transaction. What comes behind that zero was not looked at. */
    | { readonly state: "open" }
    /** Something follows the last complete transaction that is neither an end nor a complete transaction. */
    | { readonly state: "torn"; readonly reason: string }
    /** A format version that isn't known: nothing but the version byte was understood; `validBytes` is the length. */
    | { readonly state: "foreign" }
  );

/** An event's fields that a backup can need. Strings are as stored. */
export interface EventHeader {
  readonly readable: true;
  readonly token: Token;
  /** "" if there is none. */
  readonly aggregateIdentifier: string;
  /** An int64; beyond 2^53, the nearest number that there is. */
  readonly sequenceNumber: number;
  /** Milliseconds since 1970: any int64, as the application set it, so it may be before that or beyond every calendar. Beyond 2^53, the nearest number that there is. */
  readonly timestamp: number;
  readonly snapshot: boolean;
}

/**
 * An event whose bytes are what was written (the CRC is right), but whose header can't be told: not protobuf, or an aggregate
 * identifier longer than any real one.
 */
export interface UnreadableEvent {
  readonly readable: false;
  readonly token: Token;
}

/** One event of a transaction, in the order of the tokens. */
export type SegmentEvent = EventHeader | UnreadableEvent;

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

/** What a reader of segments is told as it goes. What these throw, the reader throws. */
export interface SegmentVisitor {
  /** For each transaction once it is complete and its CRC right; ascending. */
  readonly onTransaction?: (transaction: Transaction) => void;
  /**
   * The same, with the transaction's events (1 to 32,767). They are parsed only when this is given, and never in a segment whose
   * `flags` aren't 0: it isn't called there at all.
   */
  readonly onEvents?: (transaction: Transaction, events: readonly SegmentEvent[]) => void;
}
