import type { LogIndex } from "./log-index.js";

/** An entry whose CRC is right. The CRC covers its data alone: neither term nor type. */
export interface LogEntry {
  /** Of the entry's first byte. */
  readonly offset: number;
  /** Of the byte behind its CRC. */
  readonly end: number;
  readonly index: LogIndex;
  /** The term of the leader that wrote it. */
  readonly term: number;
  /** As stored; nothing here depends on its meaning. */
  readonly type: number;
  /** Bytes of its data. */
  readonly size: number;
}

/** What a reader of log entry segments is told as it goes. What this throws, the reader throws. */
export interface LogVisitor {
  /** For each entry once it is complete and its CRC right; ascending. */
  readonly onEntry?: (entry: LogEntry) => void;
}

/** What one reading of a log entry segment found. In a file that ends inside its header, `flags` (and `formatVersion`, if it is empty) are 0. */
export type LogSegmentScan = {
  /** The format's version byte. 0 is known. */
  readonly formatVersion: number;
  /** Other than 0: an entry transformer was at work; framing and CRC hold (docs/axon-server.md, sections 4 and 7). */
  readonly flags: number;
  /**
   * The end of the last complete entry; for a complete segment, behind its end marker. Of a `foreign` one, the length. 0 while the segment is open and has no entry and a header of
   * zeros, which is what is there before anything was written. What comes behind is nothing that the server reads: after a crash or a change of leader that need not be zeros.
   */
  readonly validBytes: number;
  /** Complete entries. */
  readonly entries: number;
  /** The segment's number. */
  readonly firstIndex: LogIndex;
  /** The index after the last complete entry: the number of the next segment, once this one is complete. */
  readonly nextIndex: LogIndex;
  /** Of the first complete entry, and of the last; undefined without any. */
  readonly firstTerm: number | undefined;
  readonly lastTerm: number | undefined;
  /**
   * The first entry whose term is lower than the one before it: in a sound log there is none, because terms only grow. Its bytes can be damaged and its CRC right all the same.
   */
  readonly fallingTerm: LogIndex | undefined;
  /** Where the bytes end: the file's length, also when it wasn't read to its end. */
  readonly length: number;
} & (
  | { readonly state: "complete" }
  /** No end marker: a size of zero, or nothing, follows the last entry. */
  | { readonly state: "open" }
  /** Something follows the last complete entry that is neither an end nor a complete entry. */
  | { readonly state: "torn"; readonly reason: string }
  /** A format version that isn't known: nothing but the version byte was understood. */
  | { readonly state: "foreign" }
);
