import type { ServerSource } from "@axon-backup/axon-server";
import type { ProcessIdentity, Sink } from "@axon-backup/sink";
import type { Observer } from "../observer.js";
import type { RestorePointId } from "../repository/restore-point-id.js";

/** A sink that isn't open yet: one that can't be opened fails alone. */
export interface NamedSink {
  readonly name: string;
  /** How many calls it takes at a time: a backup has as many objects under way. Default 16. */
  readonly connections?: number;
  open(purpose: "read" | "write"): Promise<Sink>;
}

export interface BackupOptions {
  readonly source: ServerSource;
  readonly sinks: readonly NamedSink[];
  /** The contexts to back up; every context that the server stores, if left out. */
  readonly contexts?: readonly string[];
  /** The version of the agent, for the manifest. */
  readonly agent: string;
  readonly observer?: Observer;
  /**
   * Whether the control DB backup that the server wrote for this run is removed there once it is stored on every sink of the run. If it can't be, that is a warning.
   * Default false: it stays, as the server never removes any.
   */
  readonly removeControlDbZip?: boolean;
  /** Takes secrets out of what is stored of a failure on a sink: its message may hold what a server has said. Default: as it is. */
  readonly redact?: (text: string) => string;
  readonly signal?: AbortSignal;
  /** Whether the sinks have a repository each, for sure: one that is gone is an error then, and not begun anew. Default false. */
  readonly mustExist?: boolean;
  /** How many objects go to one sink at a time. Default: as many as it has connections; of those larger than 256 KiB, a quarter of that, or 4 if that is more. */
  readonly concurrency?: number;
  /** Milliseconds between two checkpoints of a run. Default 10,000. */
  readonly checkpointInterval?: number;
  /** Milliseconds before a history that seems to be another one is looked at again, because a server that is starting may say anything. Default 2,000. */
  readonly secondLook?: number;
  /** Files that a page lists. For tests. */
  readonly pageFiles?: number;
  /** For tests. */
  readonly now?: () => Date;
  /** For tests. */
  readonly lease?: LeaseForTests;
}

/** Tests don't wait for minutes, and have several writers in one process. */
export interface LeaseForTests {
  /** Milliseconds. */
  readonly expiry?: number;
  readonly process?: ProcessIdentity;
}

/** Objects and the bytes in them. */
export interface Tally {
  readonly objects: number;
  readonly bytes: number;
}

/** What became of one context on one sink. */
export interface ContextReport {
  readonly context: string;
  /** Closed segments and index files stored for the first time. */
  readonly added: Tally;
  /** Those that were there before, in the sink's newest restore point or from a run that was cut off. */
  readonly inherited: Tally;
  /** Copies of open segments, overwritten as always. */
  readonly overwritten: Tally;
  /** Objects that were missing or damaged, stored again. */
  readonly repaired: Tally;
  /** The token of the last event, and of the last snapshot, in the restore point; null where there is none. */
  readonly lastEventToken: number | null;
  readonly lastSnapshotToken: number | null;
  /** False when there may be more: the token is the least that it can be, because the last segment is of a format that isn't known. */
  readonly lastEventTokenExact: boolean;
  readonly lastSnapshotTokenExact: boolean;
}

/** A context goes on in another timeline: the server's history isn't the one that was backed up last. */
export interface TimelineChange {
  readonly context: string;
  /** The one that goes on from here. */
  readonly timeline: number;
  /** The one that was left, and its last restore point; null when none that has the context could be read. */
  readonly from: { readonly timeline: number; readonly restorePoint: RestorePointId } | null;
  /** What was found, as a sentence without a full stop. */
  readonly reason: string;
  /** Whether it is an older timeline, which the server's history goes on from, rather than a new one. */
  readonly resumed: boolean;
}

/** What became of one sink. */
export type SinkReport =
  | {
      readonly sink: string;
      readonly outcome: "committed";
      readonly restorePoint: RestorePointId;
      readonly contexts: readonly ContextReport[];
      /** Contexts that are in another timeline from this restore point on; mostly none. */
      readonly timelines: readonly TimelineChange[];
      /** Everything sent in this run, control DB included, manifests not. */
      readonly sent: Tally;
      readonly warnings: readonly string[];
    }
  | {
      readonly sink: string;
      readonly outcome: "failed";
      readonly error: unknown;
      readonly warnings: readonly string[];
    };

export interface BackupReport {
  readonly started: Date;
  readonly finished: Date;
  readonly sinks: readonly SinkReport[];
}
