import type { SeenHead } from "./heads.js";
import type { Latency } from "./model.js";

/**
 * How long each transaction took to be in a head.
 * @param first the token of the first event; each transaction has one
 * @throws Error when the last head doesn't have them all
 */
export function secondsUntilStored(
  first: number,
  appended: readonly number[],
  heads: readonly SeenHead[],
): number[] {
  let next = 0;
  return appended.map((at, index) => {
    while ((heads[next]?.nextToken ?? Infinity) <= first + index) next++;
    const head = heads[next];
    if (head === undefined) throw new Error(`no head has the event ${first + index}`);
    return (head.at - at) / 1000;
  });
}

export function latencyOf(seconds: readonly number[]): Latency {
  const sorted = seconds.toSorted((one, other) => one - other);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { transactions: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
