import type { EngineEvent } from "@axon-backup/core";
import { formatBytes, formatDuration } from "./units.js";
import { printable } from "./printable.js";

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
      return measure({ ...before, done: before.done + event.bytes }, now);
    case "committed":
      return { ...before, finished: true };
    case "object":
    case "warning":
      return before;
  }
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

/** The line of one sink, at most `width` characters: `nas  transfer  [#####-----]  50%  1.0 GiB of 2.0 GiB  80.0 MiB/s  12 s left`. */
export function progressLine(progress: SinkProgress, width: number): string {
  const name = printable(progress.sink);
  const share = progress.total > 0 ? Math.min(1, progress.done / progress.total) : undefined;
  const left = timeLeft(progress);
  const amount =
    share === undefined
      ? progress.done > 0
        ? formatBytes(progress.done)
        : ""
      : `${formatBytes(progress.done)} of ${formatBytes(progress.total)}`;
  const rate = progress.rate === undefined ? "" : `${formatBytes(progress.rate)}/s`;
  const percent = share === undefined ? "" : `${Math.floor(share * 100)}%`.padStart(4);
  const eta = left === undefined ? "" : `${formatDuration(left)} left`;
  // What is dropped first when the terminal is narrow comes last.
  const variants = [
    [name, progress.step, bar(share, 20), percent, amount, rate, eta],
    [name, progress.step, percent, amount, rate, eta],
    [name, percent, amount, eta],
    [name, percent === "" ? progress.step : percent],
  ].map((parts) => parts.filter((part) => part !== "").join("  "));
  return (variants.find((line) => line.length <= width) ?? variants.at(-1) ?? "").slice(
    0,
    Math.max(width, 0),
  );
}

function bar(share: number | undefined, cells: number): string {
  if (share === undefined) return "";
  const full = Math.floor(share * cells);
  return `[${"#".repeat(full)}${"-".repeat(cells - full)}]`;
}
