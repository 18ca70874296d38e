import { EngineError } from "@axon-backup/core";
import type { Job } from "./model.js";

/** Waits after the first failure, doubled with each, and the longest one. Milliseconds. */
const WAITS: Readonly<Record<Job, { readonly first: number; readonly longest: number }>> = {
  // Each attempt may have the server write its control DB.
  "restore-point": { first: 5000, longest: 600_000 },
  follow: { first: 2000, longest: 60_000 },
  verify: { first: 60_000, longest: 3_600_000 },
  prune: { first: 60_000, longest: 3_600_000 },
};

/** The longest wait for a restore point of which an attempt failed before the server was asked for anything, because the sink isn't there: as soon as it is, the restore point is made. Milliseconds. */
const LONGEST_WHEN_CHEAP = 60_000;

/** Another writer's lock expires in a minute if it is dead, and it may work for long if it isn't. Milliseconds. */
const LOCKED = 60_000;

/**
 * Milliseconds to wait before a job that failed is tried again. Half of it is left to chance, so that those that failed together aren't tried again together.
 * @param attempts how often it has failed in a row, from 1
 * @param random from 0 to below 1
 * @param isCheap whether the attempt cost the server nothing
 */
export function waitAfter(
  job: Job,
  error: unknown,
  attempts: number,
  random: number,
  isCheap = false,
): number {
  if (error instanceof EngineError && error.kind === "locked") return LOCKED / 2 + (random * LOCKED) / 2;
  const { first, ...waits } = WAITS[job];
  const longest = isCheap ? Math.min(waits.longest, LONGEST_WHEN_CHEAP) : waits.longest;
  const step = Math.min(longest, first * 2 ** Math.min(attempts - 1, 20));
  return step / 2 + (random * step) / 2;
}
