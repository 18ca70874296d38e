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
}

/** `verified/objects.json`: when each object was read last and found right, so that budgets come round to all of them. */
export interface VerifiedObjects {
  /** ISO 8601, UTC: when it was written. */
  readonly written: string;
  /** By key; the value is the number of seconds since 1970 at which it was read, and how many of its first bytes were. */
  readonly objects: Readonly<Record<string, readonly [seconds: number, bytes: number]>>;
}
