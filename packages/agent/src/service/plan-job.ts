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
  /** By the steady clock: where it was never done, this is when it is done, if the schedule doesn't say so before. */
  readonly first: number;
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
export function waitFor(
  { schedule, last, first, wanted, notBefore }: JobPlan,
  now: Moment,
  seed: string,
): number | undefined {
  const scheduled = last ? dueIn(schedule, last, now, seed) : firstIn(schedule, first, now);
  const due = wanted === undefined ? scheduled : Math.min(wanted - now.steady, scheduled ?? Infinity);
  return due === undefined || notBefore === undefined ? due : Math.max(due, notBefore - now.steady);
}

function firstIn(schedule: Schedule, first: number, now: Moment): number | undefined {
  return schedule.kind === "never" ? undefined : first - now.steady;
}
