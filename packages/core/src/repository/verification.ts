import type { RestorePointId } from "./restore-point-id.js";

/**
 * How deep a restore point was verified: `objects`, by a listing with sizes and the storage's own checksums; `data`, by reading every byte.
 */
export type VerifiedDepth = "objects" | "data";

/** A restore point of which everything was found right. */
export interface VerifiedRestorePoint {
  readonly id: RestorePointId;
  readonly depth: VerifiedDepth;
  /** ISO 8601, UTC: when. With `data` over several runs, when the object was read that is the longest ago. */
  readonly verified: string;
}

/** `verified/restore-points.json`: what retention keeps, and what `status` shows. Losing it loses no backup. */
export interface VerifiedRestorePoints {
  /** Oldest restore point first; one entry each and depth. */
  readonly restorePoints: readonly VerifiedRestorePoint[];
  /** Every restore point that was there, right or not, and those that were found lost: of one whose manifest is lost, nothing else may tell. */
  readonly seen?: readonly RestorePointId[];
}

/**
 * `verified/objects.json`: when each object was read last and found right, so that budgets come round to all of them. Losing it costs reading again.
 * By folder (the key up to its last slash), then by the rest of the key: some 60 bytes each object.
 */
export interface VerifiedObjects {
  /** ISO 8601, UTC: when it was written. */
  readonly written: string;
  readonly folders: Readonly<Record<string, Readonly<Record<string, ReadEntry>>>>;
}

/**
 * One object's last reading: the second (since 1970), and what was read. `sha256` is the beginning of the hash of the longest part that restore points need; ""
 * when something was wrong with it. `claims`: how many parts were checked, left out for one. `copy`: of an open segment's copy, what the sink said of it then (its
 * size, and its version or modification time), because such a copy changes.
 */
export type ReadEntry = readonly [seconds: number, sha256: string, claims?: number, copy?: string];
