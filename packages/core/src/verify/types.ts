import type { Sink } from "@axon-backup/sink";
import type { Observer } from "../observer.js";
import type { RestorePointId } from "../repository/restore-point-id.js";

export interface VerifyOptions {
  readonly sink: Sink;
  /** The sink's name, for events and messages. */
  readonly name: string;
  /** Every restore point, if left out. */
  readonly restorePoint?: RestorePointId | "latest";
  /** Whether to read every byte: hashes, CRCs, token continuity, the control DBs' zips. Otherwise presence, sizes, and checksums that the sink has anyway. */
  readonly readData?: boolean;
  /** Whether to leave marks for the next backup, which then stores again what is damaged. Default true; false for a sink that can't be written to. */
  readonly mark?: boolean;
  readonly observer?: Observer;
  readonly signal?: AbortSignal;
  /** How many calls the sink takes at a time: so many objects are read side by side, of large ones fewer. */
  readonly connections?: number;
}

/** Something stored that isn't what was written. */
export interface Finding {
  readonly key: string;
  /** A sentence that reads on after the key. */
  readonly finding: string;
  /** Whether the next backup can mend it, if the server still has the file. */
  readonly mendable: boolean;
  /** The restore points that can't be restored because of it, oldest first. None for `repository.json`. */
  readonly restorePoints: readonly RestorePointId[];
}

export interface VerifyReport {
  /** The restore points that were checked. */
  readonly restorePoints: readonly RestorePointId[];
  /** Objects that they need, each counted once. */
  readonly objects: number;
  /** Bytes read; 0 without `readData`. */
  readonly bytes: number;
  /** Sorted by key. */
  readonly findings: readonly Finding[];
  /** What isn't damage and worth knowing. */
  readonly notes: readonly string[];
  /** Whether there is any finding. */
  readonly damaged: boolean;
}
