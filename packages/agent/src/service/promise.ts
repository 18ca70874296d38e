import type { SinkService } from "../config/sink-service.js";
import type { SinkPromise } from "./model.js";
import { longestInterval } from "./schedule.js";

const MINUTE = 60_000;

/** What a sink is held to, with what isn't configured following from the rest. */
export function promiseOf({ promise, schedule, continuous }: SinkService, now: Date): SinkPromise {
  const interval = longestInterval(schedule, now);
  return {
    lag: promise.lag ?? (continuous.enabled ? Math.max(2 * MINUTE, 2 * continuous.interval) : undefined),
    restorePoint: promise.restorePoint ?? (interval === undefined ? undefined : 2 * interval + 10 * MINUTE),
  };
}
