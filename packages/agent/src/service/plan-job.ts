import type { Schedule } from "../config/schedule.js";
import type { Job } from "./model.js";
import { dueIn } from "./schedule.js";
import type { Moment } from "./time.js";

/** The jobs that are done one after the other; following fills the time between them. */
export type PlannedJob = Exclude<Job, "follow">;

/** When one of them is due. */
export interface JobPlan {
  readonly schedule: Schedule;
  /** When it was done last; undefined for never. */
  readonly last: Moment | undefined;
  /** When the service was started. */
  readonly started: Moment;
  /** Milliseconds after the start within which what was never done is done, if it is to be done every so often; 0: at once, whatever the schedule. What has a time of day waits for it. */
  readonly firstWithin: number;
  /** By the steady clock: due from then on, whatever the schedule says. */
  readonly wanted: number | undefined;
  /** Not before this, by the steady clock: it has failed. */
  readonly notBefore: number | undefined;
}

export interface Planned {
  readonly job: PlannedJob;
  /** Milliseconds until then; 0 for now. */
  readonly wait: number;
}

/** A restore point first: what isn't stored yet is in danger, what is stored can wait. */
const ORDER: readonly PlannedJob[] = ["restore-point", "verify", "prune"];

/** The next job; undefined when none is ever due. */
export function nextJob(
  plans: Readonly<Partial<Record<PlannedJob, JobPlan>>>,
  now: Moment,
  sink: string,
): Planned | undefined {
  let next: Planned | undefined;
  for (const job of ORDER) {
    const plan = plans[job];
    const due = plan && waitFor(plan, now, `${sink}/${job}`);
    if (due === undefined) continue;
    const wait = Math.max(0, due);
    if (next === undefined || wait < next.wait) next = { job, wait };
  }
  return next;
}

/** Milliseconds; undefined for never. */
export function waitFor(plan: JobPlan, now: Moment, seed: string): number | undefined {
  const { schedule, last, wanted, notBefore } = plan;
  const scheduled = last ? dueIn(schedule, last, now, seed) : firstIn(plan, now, seed);
  const due = wanted === undefined ? scheduled : Math.min(wanted - now.steady, scheduled ?? Infinity);
  return due === undefined || notBefore === undefined ? due : Math.max(due, notBefore - now.steady);
}

function firstIn({ schedule, started, firstWithin }: JobPlan, now: Moment, seed: string): number | undefined {
  if (schedule.kind === "never") return undefined;
  const latest = started.steady + firstWithin - now.steady;
  if (firstWithin === 0) return latest;
  const due = dueIn(schedule, started, now, seed);
  return schedule.kind === "cron" || due === undefined ? due : Math.min(due, latest);
}
