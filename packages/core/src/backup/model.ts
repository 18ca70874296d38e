import type {
  ControlDbFile,
  IndexName,
  SegmentName,
  ServerIdentity,
  ServerSource,
  SourceFile,
  StoreKind,
  StoreListing,
  Token,
} from "@axon-backup/axon-server";
import type { Branch, ClosedFile, OpenSegment, PageReference } from "../repository/manifest.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { StoredFiles, StorePlan } from "./plan.js";
import type { LeaseForTests } from "./types.js";

// What the steps of a run hand to each other, in the order of the steps.

/** What one backup's sinks share: the server, and what was asked of it for all of them. */
export interface SharedRun {
  readonly source: ServerSource;
  readonly identity: ServerIdentity;
  readonly contexts: readonly string[];
  readonly agent: string;
  readonly started: Date;
  readonly now: () => Date;
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string;
  /** The control DB's backup: made when the first sink asks for it, once. */
  readonly controlDb: () => Promise<ControlDbFile>;
  /** What a context holds: taken once for all sinks that stand at the same place. */
  readonly capture: Capture;
  /** Milliseconds before a history that seems to be another one is looked at again. */
  readonly secondLook: number;
  readonly pageFiles: number;
  /** How many objects go to the sink at a time; of these, large ones. */
  readonly concurrency: number;
  readonly largeAtOnce: number;
  readonly mustExist: boolean;
  readonly checkpointInterval: number;
  readonly lease: LeaseForTests;
  readonly signal: AbortSignal | undefined;
}

/**
 * Finds out what a context holds, if its history is the one that `previous` was taken from.
 * @param look which time it is looked at: a second look doesn't take the first one's answer
 */
export type Capture = (
  context: string,
  previous: Readonly<Record<StoreKind, StoreState>>,
  look?: number,
) => Promise<CapturedContext>;

/** Where a sink stands with a store: what its newest restore point says, as far as the server must be asked or compared. */
export interface StoreState {
  /** What the server called the last closed segment; null when none was closed, or there is no restore point yet. */
  readonly lastClosedSegment: Token | null;
  readonly lastVersion: number;
  /** Ask the server for files after this segment: `lastClosedSegment`, or less when something has to be stored again. Null: for all. */
  readonly listAfter: Token | null;
  readonly open: readonly OpenSegment[];
  /** A closed segment to be compared as well: the open ones alone don't tell this history from another. */
  readonly anchor?: ClosedFile;
  /** Its closed files, for what transformations leave to be compared. A function, because there may be many and they are hardly ever wanted. */
  readonly closed?: () => readonly ClosedFile[];
}

/** The state of a sink without a restore point. */
export const NOTHING_STORED: StoreState = {
  lastClosedSegment: null,
  lastVersion: 0,
  listAfter: null,
  open: [],
};

/** What a sink holds of one context. */
export interface ContextState {
  readonly timeline: number;
  readonly branch?: Branch;
  /** The newest restore point that has the context in this timeline; undefined for none. */
  readonly restorePoint: RestorePointId | undefined;
  readonly stores: Readonly<Record<StoreKind, StoreOnSink>>;
}

export interface StoreOnSink {
  readonly pages: readonly { readonly reference: PageReference; readonly files: readonly ClosedFile[] }[];
  readonly files: StoredFiles;
  /** What the server is asked and compared with. */
  readonly state: StoreState;
}

/** An open segment with its end fixed: what the transfer copies, whatever the server appends meanwhile. */
export interface CapturedOpen {
  readonly file: SourceFile<SegmentName>;
  readonly state: Omit<OpenSegment, "sha256">;
  /** What the newest restore point recorded of this segment: the copy must begin with it. */
  readonly previous: OpenSegment | undefined;
}

/** One store as it will be in the restore point. */
export interface CapturedStore {
  readonly listing: StoreListing;
  readonly open: readonly CapturedOpen[];
  /** Bytes of transactions that were compared with what the sink has, and are the same: 0 proves nothing of the history. */
  readonly compared: number;
  readonly warnings: readonly string[];
}

export type CapturedContext = Readonly<Record<StoreKind, CapturedStore>>;

/** One context in the middle of a run: what the sink has, what the server has, and what is to be done. */
export interface ContextRun {
  readonly name: string;
  readonly state: ContextState;
  readonly captured: CapturedContext;
  readonly plan: Readonly<Record<StoreKind, StorePlan>>;
}

/** What became of a planned file. */
export type Outcome =
  /** `entry` is what the manifest says of it. */
  | { readonly kind: "inherited" | "added" | "repaired"; readonly entry: ClosedFile }
  /** It was listed, isn't there, and can be done without. */
  | { readonly kind: "gone"; readonly file: SourceFile<SegmentName | IndexName> };
