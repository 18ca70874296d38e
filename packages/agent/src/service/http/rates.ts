import type { Activity, ServiceState } from "../model.js";

/** How fast a sink's work goes. */
export interface Rate {
  /** The work that it is of, by its beginning: another one begins anew. */
  readonly of: Date;
  /** The last measure, in milliseconds since 1970. */
  readonly at: number;
  readonly bytes: number;
  /** Bytes a second, smoothed; undefined before the second measure. */
  readonly perSecond: number | undefined;
}

export type Rates = ReadonlyMap<string, Rate>;

/** Rates are measured over at least this many milliseconds. */
const MEASURE = 1000;
/** How much a new measure counts. */
const WEIGHT = 0.3;

/** The rates after a change of the state, at `now` in milliseconds since 1970. */
export function ratesAfter(rates: Rates, state: ServiceState, now: number): Rates {
  return new Map(
    state.sinks.flatMap(({ name, activity }) => {
      const rate = activity && rateOf(rates.get(name), activity, now);
      return rate ? [[name, rate]] : [];
    }),
  );
}

function rateOf(before: Rate | undefined, { since, progress }: Activity, now: number): Rate | undefined {
  if (progress === undefined) return undefined;
  const { bytes } = progress;
  const fresh: Rate = { of: since, at: now, bytes, perSecond: undefined };
  if (before?.of.getTime() !== since.getTime()) return fresh;
  // An attempt that failed takes its bytes back: what was measured until then is still right.
  if (bytes < before.bytes || now < before.at) return { ...fresh, perSecond: before.perSecond };
  const elapsed = now - before.at;
  if (elapsed < MEASURE) return before;
  const latest = ((bytes - before.bytes) * 1000) / elapsed;
  const perSecond =
    before.perSecond === undefined ? latest : before.perSecond + WEIGHT * (latest - before.perSecond);
  return { of: since, at: now, bytes, perSecond };
}

/** Milliseconds that the rest takes at this rate; undefined as long as nobody can tell. */
export function timeLeft(activity: Activity, rate: Rate | undefined): number | undefined {
  const { progress } = activity;
  if (progress === undefined || rate?.perSecond === undefined || rate.perSecond < 1) return undefined;
  const left = progress.totalBytes - progress.bytes;
  return left > 0 ? (left / rate.perSecond) * 1000 : undefined;
}
