import type { Token } from "./token.js";

/** The two stores of a context. Each has segments, and tokens, of its own. */
export type StoreKind = "events" | "snapshots";

/** Both, in the order of a backup: the end of the snapshots is fixed before the end of the events (docs/axon-server.md, section 2). */
export const STORE_KINDS: readonly StoreKind[] = ["snapshots", "events"];

/** A segment: `%020d.events`, `%020d_%05d.snapshots`, … */
export interface SegmentName {
  readonly kind: "segment";
  readonly store: StoreKind;
  /** The whole file name, as the server has it. */
  readonly name: string;
  /** The token of the segment's first event. */
  readonly segment: Token;
  /** 0, or the number of the transformation that made this version (2023.x). */
  readonly version: number;
}

/** What index files of one segment are called: of the standard index and its bloom filter, then of the jump skip index. */
export type IndexExtension =
  "index" | "bloom" | "nindex" | "xref" | "sindex" | "sbloom" | "snindex" | "sxref";

/** An index file of one segment and version: derived data, which the server rebuilds when it is missing. */
export interface IndexName {
  readonly kind: "index";
  readonly store: StoreKind;
  readonly name: string;
  readonly segment: Token;
  readonly version: number;
  /** The extension tells the type. `nindex`, `xref`, `snindex` and `sxref` are of the jump skip index: never restored (docs/axon-server.md, section 7). */
  readonly extension: IndexExtension;
}

/** A global file of the jump skip index (`global-index-%05d.xref`, `.sxref`): written all the time, never restored. */
export interface GlobalIndexName {
  readonly kind: "global-index";
  readonly store: StoreKind;
  readonly name: string;
}

/** A file of a context's directory that a backup may touch. */
export type StoreFileName = SegmentName | IndexName | GlobalIndexName;
