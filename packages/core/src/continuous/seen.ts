import type { Seen } from "./types.js";

/** Moments that are kept: enough to tell a lag of seconds in seconds, and one of days in hours. */
const KEPT = 256;

/** Adds a moment, if its token is a new one. When there are many, two of the older ones become one: what came first of both, at the time of the first, so that a lag is never told too small. */
export function addSeen(seen: readonly Seen[], moment: Seen): readonly Seen[] {
  const last = seen.at(-1);
  if (last !== undefined && last.nextToken >= moment.nextToken) return seen;
  const all = [...seen, moment];
  if (all.length <= KEPT) return all;
  const half = KEPT / 2;
  const coarser: Seen[] = [];
  for (let index = 0; index < half; index += 2) {
    const [first, second] = [all[index], all[index + 1]];
    if (first && second) coarser.push({ nextToken: second.nextToken, at: first.at });
  }
  return [...coarser, ...all.slice(half)];
}
