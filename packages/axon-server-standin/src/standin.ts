import type { StandinEvent } from "./format/event.js";
import type { Store } from "./format/names.js";
import type { Misbehaviour, MisbehaviourHandle } from "./server/misbehaviour.js";
import type { Appended } from "./store/event-store.js";
import type { Transformation } from "./transform/transformation.js";

/** A request as it came. */
export interface RecordedRequest {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  /** Without a question mark; "" if there is none. */
  readonly query: string;
  /** In lower case, sorted. */
  readonly headerNames: readonly string[];
}

/** How many sample events to append, and how. */
export interface AppendSampleOptions {
  /** Events per transaction, 1 to 32,767. Default 5. */
  readonly perTransaction?: number;
  /** Bytes that each payload gets more. Default 0. */
  readonly extraBytes?: number;
}

/** A control DB backup that was written. */
export interface ControlDbBackup {
  /** Its file's name. */
  readonly name: string;
  /** Of a cluster's node: the commit index of each of its groups, which the control DB of a real one holds. */
  readonly commitIndexes: Readonly<Record<string, number>>;
}

/** A running stand-in. */
export interface Standin {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  /** The storage directory, absolute. */
  readonly storage: string;
  /** Every request since the start, or since `forgetRequests`. */
  readonly requests: readonly RecordedRequest[];
  forgetRequests(): void;

  /**
   * Appends one transaction of events.
   * @throws StandinError `AXONIQ-2001` if it is larger than a segment and the generation refuses that; RangeError for an unknown context.
   */
  append(context: string, events: readonly StandinEvent[]): Appended;
  /** The same, of snapshots. */
  appendSnapshots(context: string, snapshots: readonly StandinEvent[]): Appended;
  /** Appends sample events that go on where the store ends, in transactions of a few. */
  appendSample(context: string, count: number, options?: AppendSampleOptions): Appended;
  /** The token of the last event; -1 if there is none. */
  head(context: string, store?: Store): number;
  /** How many completed segments wait to be handed over. */
  waiting(context: string, store?: Store): number;
  /** Hands over up to `count` (default 1) segments of each store now, oldest first; returns how many there were in all. */
  handover(count?: number): number;

  /**
   * Renames every file whose name has 14 digits to the one with 20, as the server does (docs/axon-server.md, section 3; when it does so isn't known). Until then they are listed under the
   * names that they have. Returns how many there were.
   */
  lengthenNames(): number;

  /**
   * Begins an event transformation that deletes events (2023.x): new versions are written one by one, as while a real one is APPLYING. Old ones stay until `compact`.
   * @throws RangeError if one of them isn't in a closed segment, or the generation has no transformations
   */
  beginTransformation(context: string, deleted: Iterable<number>): Transformation;
  /** The same, all at once; returns the version that it has made. */
  transform(context: string, deleted: Iterable<number>): number;
  /** Deletes the versions that newer ones have superseded, with their index files; returns the names. */
  compact(context: string): readonly string[];

  /** Whether the node serves backups: until it is ready again, every backup call is answered with AXONIQ-7000. */
  setReady(ready: boolean): void;
  /** The control DB backups since the start. */
  readonly controlDbBackups: readonly ControlDbBackup[];
  /** Of a cluster's node: deletes old log entry segments if the hourly clean-up is due, as each request does as well. Returns the names, `<group>/<name>`. */
  cleanUpLogs(): readonly string[];

  /** Sets the rules, in place of those before; undefined: answers well again. What was held is let go. */
  misbehave(rules: Misbehaviour | readonly Misbehaviour[] | undefined): MisbehaviourHandle;

  /** Frees everything: connections, files, timers. A second call does no more than the first. Rejects with what a timed handing over failed with. */
  close(): Promise<void>;
}
