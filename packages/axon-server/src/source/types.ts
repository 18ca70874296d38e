import type { ServerClock, ServerHeads, ServerIdentity, StoreCursor } from "../client/types.js";
import type { GlobalIndexName, IndexName, SegmentName, StoreFileName, StoreKind } from "../names.js";
import type { ClusterFacts } from "../cluster/types.js";
import type { LogFileName, LogIndexName, LogSegmentName } from "../log/log-file-name.js";
import type { Token } from "../token.js";

/**
 * An Axon Server as a backup sees it: what it is, what it lists, and the bytes of what it lists. The engine knows the server
 * through this interface alone.
 */
export interface ServerSource {
  identify(signal?: AbortSignal): Promise<ServerIdentity>;
  /**
   * Makes the server write a backup of its control DB (a new file at each call; never called twice on doubt), and finds that file here.
   */
  createControlDbBackup(signal?: AbortSignal): Promise<ControlDbFile>;
  /**
   * What a store has that came after `cursor`; everything, without one. Sorted, paths normalised, mapped and confined, nothing opened yet.
   */
  list(
    context: string,
    store: StoreKind,
    cursor: StoreCursor | undefined,
    signal?: AbortSignal,
  ): Promise<StoreListing>;
  /**
   * Opens a listed file: not through a link, a regular file, the very one that was checked.
   * Rejects with an AxonServerError: `vanished` when it is gone, `refused` when it isn't what it must be, `unreadable` otherwise.
   */
  open(file: SourceFile | ControlDbFile | LogFile): Promise<SourceHandle>;
  /**
   * Optional: removes a control DB backup that this source has made the server write, and no other file: only below the directories that were named for
   * them. Rejects with an AxonServerError when it may not, or can't.
   */
  removeControlDbBackup?(file: ControlDbFile): Promise<void>;
  /** Optional: the server's clock, as it tells in its answers; undefined when it doesn't. */
  clock?(signal?: AbortSignal): Promise<ServerClock | undefined>;
  /**
   * Optional: the last token of each store by the server's own account, at the price of one small request; undefined when this server doesn't tell. It may be ahead of what
   * the files show on this machine.
   */
  heads?(signal?: AbortSignal): Promise<ServerHeads | undefined>;
  /** Optional: the cluster as this node sees it; undefined when the server is a Standard Edition. */
  cluster?(signal?: AbortSignal): Promise<ClusterFacts | undefined>;
  /**
   * Optional, EE: the log entry segments of a replication group: all that a backup needs, the current one included. Each backup's set replaces the one before it, whole. What vanished while
   * it was listed has been listed anew. Rejects with an AxonServerError: `unknown-group` when this node isn't a member.
   */
  replicationLog?(group: string, signal?: AbortSignal): Promise<LogListing>;
  /** Bytes of these files together, for showing progress: files that can't be looked at count nothing here, and fail when opened. */
  measure(files: readonly (SourceFile | ControlDbFile | LogFile)[], signal?: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

/** One store's listing. */
export interface StoreListing {
  readonly context: string;
  readonly store: StoreKind;
  /** The last segment that the server calls closed; undefined when it has closed none yet. */
  readonly lastClosedSegment: Token | undefined;
  /** Segments up to `lastClosedSegment` that came after the cursor, or whose version did; ascending by segment, then version. */
  readonly closed: readonly SourceFile<SegmentName>[];
  /** Every segment above `lastClosedSegment`: often one, thirty after a burst; ascending. The last one is being written. */
  readonly open: readonly SourceFile<SegmentName>[];
  /** Index files of closed segments. They may be listed without being there. */
  readonly indexes: readonly SourceFile<IndexName | GlobalIndexName>[];
}

/** A file of a store, where this machine has it. */
export interface SourceFile<Name extends StoreFileName = StoreFileName> {
  readonly name: Name;
  /** Absolute, normalised, mapped, inside of the storage roots. */
  readonly path: string;
  readonly context: string;
}

/** A file of a replication group's log, where this machine has it. */
export interface LogFile<Name extends LogFileName = LogFileName> {
  readonly name: Name;
  /** Absolute, normalised, mapped, inside of the log roots. */
  readonly path: string;
  readonly group: string;
}

/** A replication group's log entry segments. Whether their entries follow each other, their content tells (`logChain`). */
export interface LogListing {
  readonly group: string;
  /** Ascending by first entry, one at least. The last one is the current one, which is being written. */
  readonly segments: readonly LogFile<LogSegmentName>[];
  /** Of completed segments, ascending. The current one has none that counts: the server drops it at its start. */
  readonly indexes: readonly LogFile<LogIndexName>[];
  /**
   * Names that the server lists and that aren't there: index files, and segments in front of the first one that is there, which were cleaned up (so that their entries are applied
   * everywhere).
   */
  readonly missing: readonly string[];
}

/** The control DB's backup, as the server just wrote it. */
export interface ControlDbFile {
  /** `controldb<epochMillis>.zip` */
  readonly name: string;
  readonly path: string;
}

/** An open file. Reads don't move anything: many may run at once. */
export interface SourceHandle {
  /** Bytes, when it was opened. Segments are pre-allocated: an open one's size says nothing about its content. */
  readonly size: number;
  /** Reads up to `buffer.byteLength` bytes at `position`; resolves with how many; 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Optional: whether what it was opened by still leads to this very file. Else the file was removed, moved or replaced. */
  isCurrent?(): Promise<boolean>;
  close(): Promise<void>;
}
