import type { Job, ServiceEvent, SinkPromise } from "../model.js";

/** Upper bounds of the buckets for restore points, in seconds. */
export const RESTORE_POINT_BOUNDS: readonly number[] = [
  1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14_400,
];
/** Upper bounds of the buckets for the cycles between them, in seconds. */
export const CYCLE_BOUNDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

export const JOBS: readonly Job[] = ["restore-point", "follow", "verify", "prune"];

/** Durations by bucket: one entry more than there are bounds. */
export interface Durations {
  /** Seconds. */
  readonly sum: number;
  readonly buckets: readonly number[];
}

/** What happened to a sink since the counting began. */
export interface EventTally {
  readonly restorePoints: Durations;
  /** When the newest one was begun, in milliseconds since 1970; the state knows it only while it is among the last 50 tries. */
  readonly newestRestorePoint: number | undefined;
  readonly cycles: Durations;
  readonly cycleBytes: number;
  readonly failures: Readonly<Record<Job, number>>;
  readonly verifications: number;
  readonly findings: number;
  readonly pruned: { readonly restorePoints: number; readonly objects: number; readonly bytes: number };
  readonly divergences: number;
  readonly damaged: number;
  readonly late: Readonly<Record<keyof SinkPromise, number>>;
}

export const EMPTY_TALLY: EventTally = {
  restorePoints: { sum: 0, buckets: [...RESTORE_POINT_BOUNDS, Infinity].map(() => 0) },
  newestRestorePoint: undefined,
  cycles: { sum: 0, buckets: [...CYCLE_BOUNDS, Infinity].map(() => 0) },
  cycleBytes: 0,
  failures: { "restore-point": 0, follow: 0, verify: 0, prune: 0 },
  verifications: 0,
  findings: 0,
  pruned: { restorePoints: 0, objects: 0, bytes: 0 },
  divergences: 0,
  damaged: 0,
  late: { lag: 0, restorePoint: 0 },
};

/** The tally after an event of its sink. */
export function tallyAfter(tally: EventTally, event: ServiceEvent): EventTally {
  switch (event.kind) {
    case "restore-point": {
      const { id, isOwn, started, finished } = event.result;
      // A failed one is told of by `failed` as well, and is counted there.
      if (id === undefined) return tally;
      const newestRestorePoint = Math.max(tally.newestRestorePoint ?? 0, started.getTime());
      if (!isOwn) return { ...tally, newestRestorePoint };
      const seconds = (finished.getTime() - started.getTime()) / 1000;
      const restorePoints = withDuration(tally.restorePoints, RESTORE_POINT_BOUNDS, seconds);
      return { ...tally, newestRestorePoint, restorePoints };
    }
    case "cycle":
      return {
        ...tally,
        cycles: withDuration(tally.cycles, CYCLE_BOUNDS, event.milliseconds / 1000),
        cycleBytes: tally.cycleBytes + event.bytes,
      };
    case "failed": {
      const { job } = event.failure;
      return { ...tally, failures: { ...tally.failures, [job]: tally.failures[job] + 1 } };
    }
    case "verified":
      return {
        ...tally,
        verifications: tally.verifications + 1,
        findings: tally.findings + event.result.findings,
      };
    case "pruned": {
      const { restorePoints, objects, bytes } = event.result;
      const { pruned } = tally;
      return {
        ...tally,
        pruned: {
          restorePoints: pruned.restorePoints + restorePoints,
          objects: pruned.objects + objects,
          bytes: pruned.bytes + bytes,
        },
      };
    }
    case "diverged":
      return { ...tally, divergences: tally.divergences + 1 };
    case "damage":
      return { ...tally, damaged: tally.damaged + event.objects.length };
    case "late":
      return { ...tally, late: { ...tally.late, [event.what]: tally.late[event.what] + 1 } };
    case "recovered":
    case "on-time":
    case "configuration-taken":
    case "configuration-rejected":
    case "stopping":
      return tally;
  }
}

/** A clock that was set back makes no duration negative: a histogram's sum must never go down. */
function withDuration({ sum, buckets }: Durations, bounds: readonly number[], seconds: number): Durations {
  const positive = Math.max(0, seconds);
  const found = bounds.findIndex((bound) => positive <= bound);
  const index = found === -1 ? bounds.length : found;
  return { sum: sum + positive, buckets: buckets.map((count, i) => (i === index ? count + 1 : count)) };
}
