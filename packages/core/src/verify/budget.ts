import type { Present } from "./examine.js";
import type { ReadTimes } from "./read-times.js";

/** How much to read: so many bytes, or a share (0 to 1) of the bytes that there are to read. */
export type Budget = { readonly bytes: number } | { readonly share: number };

/** What to read in this run, in this order. */
export interface Choice {
  /** Objects that something was wrong with when they were read last: read besides the budget, so that damage which stays neither goes unreported nor uses the budget up. */
  readonly again: readonly Present[];
  /** What the budget is for. */
  readonly rotation: readonly Present[];
}

/** Bytes that reading an object takes. A control DB is read once more, for what is in its zip. */
function costOf({ object: { kind }, bytes }: Present): number {
  return kind === "control-db" ? 2 * bytes : bytes;
}

/**
 * Chooses the objects that were read the longest ago: those never read first, then by time, equal ones by key. So every object's turn comes, whatever the budget. The last
 * one may go beyond it: at least one is read each time, however large it is. Pure.
 *
 * An open segment's copy, which every backup replaces, has its turn by when it was read last, too: if each new copy went first, a small budget would never get to the others.
 * @param wrong whether something was wrong with an object when it was read last
 */
export function chooseToRead(
  present: readonly Present[],
  times: Pick<ReadTimes, "last">,
  wrong: (object: Present) => boolean,
  budget: Budget | undefined,
): Choice {
  const again: Present[] = [];
  const turns: { readonly object: Present; readonly last: number }[] = [];
  for (const object of present)
    if (wrong(object)) again.push(object);
    else turns.push({ object, last: times.last(object.object.key) ?? -Infinity });
  turns.sort((a, b) => (a.last === b.last ? byKey(a.object, b.object) : a.last < b.last ? -1 : 1));
  const rotation: Present[] = [];
  let left = bytesOf(budget, present);
  for (const { object } of turns) {
    if (left <= 0 && rotation.length > 0) break;
    rotation.push(object);
    left -= costOf(object);
  }
  return { again, rotation };
}

function bytesOf(budget: Budget | undefined, present: readonly Present[]): number {
  if (budget === undefined) return Infinity;
  if ("bytes" in budget) return budget.bytes;
  return Math.ceil(budget.share * present.reduce((sum, object) => sum + costOf(object), 0));
}

function byKey({ object: { key: a } }: Present, { object: { key: b } }: Present): number {
  return a < b ? -1 : Number(a > b);
}
