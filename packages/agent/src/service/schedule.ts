import { createHash } from "node:crypto";
import { Cron } from "croner";
import type { Schedule } from "../config/schedule.js";
import type { Moment } from "./time.js";

/** By the steady clock, what is due by the time of day doesn't come again before: a clock that is set back by a moment must not make it come twice. */
const LEAST_DISTANCE = 30_000;

/**
 * Milliseconds until it is time again; 0 or less: it is. However often it was missed, it is time once. Undefined: never.
 * @param last when it was done last, or begun
 * @param seed what tells this sink and this job from others: it decides on the jitter
 */
export function dueIn(schedule: Schedule, last: Moment, now: Moment, seed: string): number | undefined {
  switch (schedule.kind) {
    case "never":
      return undefined;
    case "every": {
      // Whichever clock says more: one may have been set back, the other may have stood still.
      const elapsed = Math.max(now.wall - last.wall, now.steady - last.steady);
      return schedule.milliseconds + offset(seed, schedule.jitter) - elapsed;
    }
    case "cron": {
      const later = offset(seed, schedule.jitter);
      const next = cronOf(schedule).nextRun(new Date(last.wall - later));
      if (next === null) return undefined;
      return Math.max(next.getTime() + later - now.wall, LEAST_DISTANCE - (now.steady - last.steady));
    }
  }
}

/**
 * `last`, or what to go by instead once the clock was set back behind it: whatever is due by the time of day would otherwise wait until the clock has come there again. To be kept, since it
 * would be later each time that it is asked for.
 */
export function notInTheFuture(last: Moment, now: Moment): Moment {
  return last.wall <= now.wall ? last : { wall: now.wall, steady: last.steady };
}

/** The longest time from one to the next, in milliseconds, of the next few; undefined when it never comes twice. */
export function longestInterval(schedule: Schedule, now: Date): number | undefined {
  switch (schedule.kind) {
    case "never":
      return undefined;
    case "every":
      return schedule.milliseconds + schedule.jitter;
    case "cron": {
      const runs = cronOf(schedule).nextRuns(RUNS, now);
      let longest: number | undefined;
      for (const [index, run] of runs.entries()) {
        const before = runs[index - 1];
        if (before) longest = Math.max(longest ?? 0, run.getTime() - before.getTime());
      }
      return longest;
    }
  }
}

/** A week of a schedule for office hours. */
const RUNS = 60;

const crons = new WeakMap<Schedule, Cron>();

function cronOf(schedule: Schedule & { readonly kind: "cron" }): Cron {
  const known = crons.get(schedule);
  if (known) return known;
  const { expression, timezone } = schedule;
  const cron = new Cron(expression, { timezone, paused: true, mode: "5-part" });
  crons.set(schedule, cron);
  return cron;
}

/** From 0 to below `jitter`, and always the same for a seed. */
function offset(seed: string, jitter: number): number {
  if (jitter === 0) return 0;
  return Math.floor((createHash("sha256").update(seed).digest().readUInt32BE(0) / 2 ** 32) * jitter);
}
