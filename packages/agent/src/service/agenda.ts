import type { Schedule } from "../config/schedule.js";
import { pruneSchedule } from "../config/sink-service.js";
import type { ConfiguredSink } from "../composition/sinks.js";
import { waitAfter } from "./backoff.js";
import type { Job } from "./model.js";
import { type JobPlan, nextJob, type Planned, type PlannedJob } from "./plan-job.js";
import { notInTheFuture } from "./schedule.js";
import { type Moment, momentNow, momentOf, type Time } from "./time.js";

/** What is to be done every so often, and never was, is done so long after the start at the latest. Milliseconds. */
const FIRST_TIME = 3_600_000;

/** What is to be done on one sink, and when. */
export class Agenda {
  readonly #started: Moment;
  #last: Readonly<Partial<Record<PlannedJob, Moment>>> = {};
  /** Why a restore point is to be made whatever the schedule says, and from when on, by the steady clock. */
  #wanted: { readonly why: string; readonly from: number; readonly isToFollow: boolean } | undefined;
  /** How often in a row a restore point was wanted that didn't help. */
  #inARow = 0;

  constructor(
    private readonly sink: ConfiguredSink,
    private readonly time: Time,
    private readonly random: () => number,
    private readonly notBefore: (job: Job) => number | undefined,
  ) {
    this.#started = momentNow(time);
  }

  /** What is due next of these; undefined when nothing ever is. */
  next(jobs: readonly PlannedJob[]): Planned | undefined {
    const now = momentNow(this.time);
    // Keeps to what the clocks say now.
    this.#last = Object.fromEntries(
      Object.entries(this.#last).map(([job, last]) => [job, notInTheFuture(last, now)]),
    );
    return nextJob(Object.fromEntries(jobs.map((job) => [job, this.#plan(job)])), now, this.sink.name);
  }

  /** When the next restore point is due; undefined when none is. */
  nextRestorePoint(): Date | undefined {
    const next = this.next(["restore-point"]);
    return next && new Date(this.time.now().getTime() + next.wait);
  }

  done(job: PlannedJob, begun: Moment): void {
    this.#last = { ...this.#last, [job]: begun };
    if (job === "restore-point") this.#wanted = undefined;
  }

  /** These were done before the service was started. */
  found(last: Readonly<Partial<Record<PlannedJob, Date | undefined>>>): void {
    const now = momentNow(this.time);
    this.#last = Object.fromEntries(
      Object.entries(last).flatMap(([job, date]) => (date ? [[job, momentOf(date, now)]] : [])),
    );
  }

  /** A restore point is wanted now. */
  want(why: string): void {
    const isToFollow = this.#wanted?.isToFollow === true;
    this.#wanted = { why, from: -Infinity, isToFollow };
  }

  /** Following wants a restore point. One that doesn't help must not be followed by another one at once. */
  wantToFollow(why: string): void {
    const wait = this.#inARow === 0 ? 0 : waitAfter("restore-point", undefined, this.#inARow, this.random());
    this.#inARow++;
    this.#wanted = { why, from: this.time.clock.now() + wait, isToFollow: true };
  }

  /** Following began: the last restore point did help. */
  follows(): void {
    this.#inARow = 0;
  }

  /** Whether following can't go on without a restore point. */
  get isWantedToFollow(): boolean {
    return this.#wanted?.isToFollow === true;
  }

  #plan(job: PlannedJob): JobPlan {
    const { service, retention } = this.sink;
    const schedules: Readonly<Record<PlannedJob, Schedule>> = {
      "restore-point": service.schedule,
      verify: service.verify.schedule,
      prune: pruneSchedule(service, retention !== undefined),
    };
    const isPoint = job === "restore-point";
    return {
      schedule: schedules[job],
      last: this.#last[job],
      started: this.#started,
      firstWithin: isPoint ? 0 : FIRST_TIME,
      wanted: isPoint ? this.#wanted?.from : undefined,
      notBefore: this.notBefore(job),
    };
  }
}
