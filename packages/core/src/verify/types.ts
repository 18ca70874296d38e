import type { Sink } from "@axon-backup/sink";
import type { Observer } from "../observer.js";
import type { RestorePointChoice } from "../repository/find-head.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { VerifiedDepth } from "../repository/verification.js";
import type { Clock } from "../sinks/clock.js";
import type { Budget } from "./budget.js";

export interface VerifyOptions {
  readonly sink: Sink;
  /** The sink's name, for events and messages. */
  readonly name: string;
  /** Every restore point and the head, if left out. `latest`: the newest restore point, and the head after it. */
  readonly restorePoint?: RestorePointChoice;
  /** Whether to read data: see `Depth`. */
  readonly readData?: boolean;
  /** How much to read at most. With `readData` alone; everything, if left out. */
  readonly budget?: Budget;
  /** Milliseconds after which no further object is begun. With `readData` alone. What is being read then is read to its end: a part of an object tells nothing. */
  readonly within?: number;
  /** Whether to leave marks for the next backup, and the record of what was verified. Default true; false for a sink that can't be written to. */
  readonly mark?: boolean;
  readonly observer?: Observer;
  readonly signal?: AbortSignal;
  /** How many calls the sink takes at a time: so many objects are read side by side, of large ones fewer. */
  readonly connections?: number;
  /** Measures durations. */
  readonly clock?: Pick<Clock, "now">;
  /** The time of day, for the record. */
  readonly now?: () => Date;
}

/**
 * How deep a check goes:
 *
 * - `objects`: one listing. Every document can be read and has its checksum; every object is there, with its size, and with its SHA-256 where the storage computed one.
 * - `data`: every byte is read, and has the hash that was recorded.
 * - `store`: what the bytes say by themselves. Each transaction's CRC; tokens without a gap, from segment to segment, in every version of each; open segments valid
 *   up to where restore points need them; the control DB's zip whole, with the database of Axon Server in it.
 *
 * The last two go together: whoever reads all bytes sees what is in them.
 */
export type Depth = VerifiedDepth | "store";

/** Something stored that isn't what was written. */
export interface Finding {
  readonly key: string;
  /** A sentence that reads on after the key. */
  readonly finding: string;
  /** The check that found it. */
  readonly depth: Depth;
  /** Whether the next backup can mend it, if the server still has the file. */
  readonly mendable: boolean;
  /** The restore points that need it, oldest first: they can't be restored without it, unless it is an index file. None for `repository.json`. */
  readonly restorePoints: readonly RestorePointId[];
}

/** What the segments and control DBs that were read said by themselves. */
export interface StoreTruth {
  readonly segments: number;
  readonly transactions: number;
  /** Events and snapshots. */
  readonly events: number;
  readonly controlDbs: number;
}

/** An object, and when it was read last and found right: ISO 8601, UTC; null for never, or for other bytes than it has now. */
export interface LastRead {
  readonly key: string;
  readonly bytes: number;
  readonly read: string | null;
}

/** A restore point and what is known of it after this run. Times are ISO 8601, UTC; null for never. */
export interface PointVerified {
  readonly restorePoint: RestorePointId;
  readonly damaged: boolean;
  /** When its objects were found to be there, all of them. */
  readonly objects: string | null;
  /** Since when each of its objects has been read and found right: the time of the one read the longest ago. */
  readonly data: string | null;
}

export interface VerifyReport {
  readonly depth: VerifiedDepth;
  /** The restore points that were checked. */
  readonly restorePoints: readonly RestorePointId[];
  /** The same, with what is known of each. */
  readonly verified: readonly PointVerified[];
  /** The head, if it was checked: what was stored after the newest restore point. It is in no record. Null when there is none that counts. */
  readonly head: PointVerified | null;
  /** Objects that they need, each counted once. */
  readonly objects: number;
  /** Their bytes, as far as they are needed. */
  readonly size: number;
  /** Bytes read; 0 without `readData`. */
  readonly bytes: number;
  /** Objects read. */
  readonly read: number;
  /** How long reading took. */
  readonly seconds: number;
  readonly store: StoreTruth;
  /** When each object was read last, this run included. By key. Objects that are missing or too short are left out. */
  readonly lastRead: readonly LastRead[];
  /** Sorted by key. */
  readonly findings: readonly Finding[];
  /** What isn't damage and worth knowing. */
  readonly notes: readonly string[];
  /** Whether there is any finding. */
  readonly damaged: boolean;
}
