import type { EngineEvent } from "@axon-backup/core";

/** How far one sink is. */
export interface SinkProgress {
  readonly sink: string;
  readonly step: string;
  /** Bytes done and to do; 0 as long as nobody knows. */
  readonly done: number;
  readonly total: number;
  /** Bytes a second, smoothed. */
  readonly rate: number | undefined;
  /** The last measure of the rate, in milliseconds of the clock that `progressAfter` was given; undefined before the first bytes. */
  readonly measured: { readonly at: number; readonly done: number } | undefined;
  readonly finished: boolean;
}

export type Progress = ReadonlyMap<string, SinkProgress>;

/** Rates are measured over at least this many milliseconds. */
const MEASURE = 500;
/** How much a new measure counts. */
const WEIGHT = 0.3;

/** The progress after an event, at `now` in milliseconds. */
export function progressAfter(progress: Progress, event: EngineEvent, now: number): Progress {
  if (event.kind === "warning" || event.sink === undefined) return progress;
  const before = progress.get(event.sink) ?? start(event.sink);
  return new Map(progress).set(event.sink, change(before, event, now));
}

function start(sink: string): SinkProgress {
  return { sink, step: "", done: 0, total: 0, rate: undefined, measured: undefined, finished: false };
}

function change(before: SinkProgress, event: EngineEvent, now: number): SinkProgress {
  switch (event.kind) {
    case "step":
      return { ...before, step: event.step };
    case "work":
      return { ...before, total: event.bytes };
    case "bytes":
      return event.bytes < 0
        ? takeBack(before, -event.bytes)
        : measure({ ...before, done: before.done + event.bytes }, now);
    case "committed":
      return { ...before, finished: true };
    case "promoted":
    case "object":
    case "warning":
      return before;
  }
}

/** What a failed attempt has moved has to be moved again. That it was moved is still a measure of the rate. */
function takeBack(progress: SinkProgress, bytes: number): SinkProgress {
  const { done, measured } = progress;
  return {
    ...progress,
    done: Math.max(0, done - bytes),
    measured: measured && { ...measured, done: measured.done - bytes },
  };
}

function measure(progress: SinkProgress, now: number): SinkProgress {
  // What came before the first bytes (listing, the control DB) says nothing about the rate.
  if (progress.measured === undefined) return { ...progress, measured: { at: now, done: progress.done } };
  const { at, done } = progress.measured;
  const elapsed = now - at;
  if (elapsed < MEASURE) return progress;
  const latest = ((progress.done - done) * 1000) / elapsed;
  const rate = progress.rate === undefined ? latest : progress.rate + WEIGHT * (latest - progress.rate);
  return { ...progress, rate, measured: { at: now, done: progress.done } };
}

/** Milliseconds that the rest takes at this rate; undefined as long as nobody can tell. */
export function timeLeft(progress: SinkProgress): number | undefined {
  if (progress.rate === undefined || progress.rate < 1 || progress.total <= progress.done) return undefined;
  return ((progress.total - progress.done) / progress.rate) * 1000;
}
