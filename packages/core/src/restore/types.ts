import type { Token } from "@axon-backup/axon-server";
import type { Sink } from "@axon-backup/sink";
import type { Observer } from "../observer.js";
import type { RestorePointChoice } from "../repository/find-head.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { OtherSink } from "./sources.js";

export interface RestoreOptions {
  readonly sink: Sink;
  /** The sink's name, for events and messages. */
  readonly name: string;
  /** Other sinks, asked in this order: for what is asked for if the first doesn't have it, and for objects that are damaged there. They are opened when they are needed, and closed. */
  readonly others?: readonly OtherSink[];
  /** The directory to restore to: empty or absent, its parent exists; not empty with `resume` or `delta`. */
  readonly target: string;
  /**
   * Go on with what a restore to the same directory left when it was cut off: its files stay if every byte of them is right. And what this one has fetched stays when it fails. In an empty
   * directory, the second half is all of it.
   */
  readonly resume?: boolean;
  /**
   * Turn an old store that is in the directory into the restored one: files stay if every byte of them is right, and those that the restore point doesn't have go. The old store is as it was until
   * all that differs is fetched.
   */
  readonly delta?: boolean;
  /** Whether index files are restored where they can be. Default true; a server rebuilds those that are missing at its start. */
  readonly indexFiles?: boolean;
  /**
   * Default: the latest one; with `token` or `time`, the earliest one that has all that is restored. One that is given is taken, `latest` as well. The latest one is the head, if there is one: what the
   * continuous mode has stored after the newest restore point. `head` is it alone.
   */
  readonly restorePoint?: RestorePointChoice;
  /** Events after the transaction that holds this token are left out. Needs a single context: name it with `context` when there are several. */
  readonly token?: Token;
  /** The transaction that holds `token` is left out, too. */
  readonly exclusive?: boolean;
  /** Of each context, events after the last transaction whose events are not later are left out. Not with `token`. */
  readonly time?: Date;
  /** Restore this context alone, with the control DB. All contexts of the restore point, if left out. */
  readonly context?: string;
  readonly observer?: Observer;
  readonly signal?: AbortSignal;
  /** How many calls the sink takes at a time: so many objects are read side by side, of large ones fewer. */
  readonly connections?: number;
}

/** Files that were there already. */
export interface KeptFiles {
  readonly files: number;
  /** Of their content. */
  readonly bytes: number;
}

/** What was restored. Nothing is reported that isn't on the disk, checked and synced. */
export interface RestoreReport {
  /** The restore point used. With `token`, it tells how old the control DB is. */
  readonly restorePoint: RestorePointId;
  /** Whether that is the head, which came after the newest restore point: it is replaced by later ones. */
  readonly isHead: boolean;
  /** Absolute path of the directory. */
  readonly target: string;
  readonly controlDb: RestoredControlDb;
  readonly contexts: readonly RestoredContext[];
  /** Contexts of the restore point that were not asked for. The control DB knows them: a server started here makes them anew, empty. */
  readonly contextsLeftOut: readonly string[];
  /** Files in all, the control DB included. */
  readonly files: number;
  /** Bytes of content written; zeros behind an open segment's content are holes, and not counted. */
  readonly bytes: number;
  /** Of these, what was in the target already and wasn't fetched. */
  readonly kept: KeptFiles;
  /** The name of the sink that served; others may have stood in for it: the warnings say so. */
  readonly sink: string;
  readonly warnings: readonly string[];
}

export interface RestoredControlDb {
  /** The name that the server gave the backup. */
  readonly name: string;
  /** The restore point that it was stored with: of a head, the one before it. */
  readonly restorePoint: RestorePointId;
  /** When the server made it: by its name, which tells the server's clock, or else by the restore point. */
  readonly made: Date;
  /** Bytes, unzipped. */
  readonly size: number;
}

export interface RestoredContext {
  readonly name: string;
  readonly events: RestoredStore;
  readonly snapshots: RestoredStore;
}

export interface RestoredStore {
  /** Segments and index files. */
  readonly files: number;
  readonly bytes: number;
  /** The last event's (or snapshot's) token; null for none. The head that the operator must know. */
  readonly lastToken: Token | null;
  /** False when there may be more behind it: the last segment is of a format that isn't known, and `lastToken` and `nextToken` are the least that they can be. */
  readonly lastTokenExact: boolean;
  /** The next one to be written gets this token. */
  readonly nextToken: Token;
  /** When the last one was written, by its own account. Null when there is none, or it can't be read. Known for events alone. */
  readonly lastTimestamp: Date | null;
  /** How many events (or snapshots) of the restore point were cut off. */
  readonly dropped: number;
  /** False when that is the least: a segment of a format that isn't known was cut off. */
  readonly droppedExact: boolean;
  /** The segment that was cut, if one was. */
  readonly cutSegment: string | null;
}
