import { type RestorePointId, timeOf } from "../repository/restore-point-id.js";
import type { VerifiedDepth, VerifiedRestorePoint } from "../repository/verification.js";
import { type Period, periodOf, PERIODS } from "./periods.js";

/**
 * How many restore points are kept: each rule keeps some, and a restore point goes only if none keeps it. The rules are those of restic's `forget --keep-…`.
 * Without any rule but `abandoned`, all are kept.
 */
export interface RetentionRules extends Readonly<Partial<Record<Period, number>>> {
  /** So many of the newest. */
  readonly last?: number;
  /** Milliseconds: those that are not older than this, as seen from the newest. */
  readonly within?: number;
  /** Milliseconds: how old the last restore point of an abandoned timeline may get. Left out: as old as it will. */
  readonly abandoned?: number;
}

/** A context's history: a higher timeline began when the server's no longer went on from the one before. */
export interface Line {
  readonly context: string;
  readonly timeline: number;
}

/** What the rules look at in a restore point. */
export interface RetainedPoint {
  readonly id: RestorePointId;
  readonly lines: readonly Line[];
}

/**
 * Why a restore point is kept:
 *
 * - `no-rules`: there are none.
 * - `newest`, `verified-data`, `verified-objects`: it is the newest, or the newest verified to that depth. Always kept.
 * - `future`: by this machine's clock, its time hasn't come yet: one of two clocks is wrong, and ages mean nothing then.
 * - `abandoned`: it is the last one of a timeline that the newest restore point doesn't have.
 * - the others: by the rule of that name.
 */
export type KeepReason =
  "no-rules" | "newest" | `verified-${VerifiedDepth}` | "future" | "last" | "within" | Period | "abandoned";

/** What becomes of one restore point. */
export interface Decision {
  readonly id: RestorePointId;
  /** Why it is kept. Empty: it goes. */
  readonly reasons: readonly KeepReason[];
  /** The timelines that it is the last one of, if it is kept for that. */
  readonly abandoned: readonly Line[];
}

export interface PolicyInput {
  /** Oldest first. */
  readonly points: readonly RetainedPoint[];
  readonly rules: RetentionRules;
  readonly verified: readonly VerifiedRestorePoint[];
  readonly now: Date;
}

/** Applies the rules. Pure. @returns as many decisions as there are points, in their order */
export function applyPolicy({ points, rules, verified, now }: PolicyInput): Decision[] {
  const reasons = new Map<RestorePointId, Set<KeepReason>>(points.map(({ id }) => [id, new Set()]));
  const keep = (id: RestorePointId | undefined, reason: KeepReason): void => {
    if (id !== undefined) reasons.get(id)?.add(reason);
  };
  const ids = points.map(({ id }) => id);
  const newest = ids.at(-1);
  if (!hasRules(rules)) for (const id of ids) keep(id, "no-rules");
  keep(newest, "newest");
  for (const depth of ["data", "objects"] as const)
    keep(newestVerified(ids, verified, depth), `verified-${depth}`);
  const past = ids.filter((id) => timeOf(id) <= now);
  for (const id of ids.slice(past.length)) keep(id, "future");
  const latest = past.at(-1);
  const reference = latest === undefined ? now : timeOf(latest);
  const age = (id: RestorePointId): number => reference.getTime() - timeOf(id).getTime();

  const newestFirst = ids.toReversed();
  for (const id of newestFirst.slice(0, rules.last ?? 0)) keep(id, "last");
  const { within } = rules;
  if (within !== undefined) for (const id of ids) if (age(id) <= within) keep(id, "within");
  for (const period of PERIODS)
    for (const id of newestOfEach(newestFirst, period, rules[period] ?? 0)) keep(id, period);

  const abandoned = new Map<RestorePointId, Line[]>();
  for (const { id, line } of lastOfAbandoned(points))
    if (age(id) <= (rules.abandoned ?? Infinity)) {
      keep(id, "abandoned");
      abandoned.set(id, [...(abandoned.get(id) ?? []), line]);
    }
  return ids.map((id) => ({ id, reasons: [...(reasons.get(id) ?? [])], abandoned: abandoned.get(id) ?? [] }));
}

/** Whether there is a rule that decides which restore points go. */
export function hasRules({ last, within, ...rules }: RetentionRules): boolean {
  return last !== undefined || within !== undefined || PERIODS.some((period) => rules[period] !== undefined);
}

/**
 * The newest of each of the newest `count` periods that have any. When there are fewer periods, the oldest restore point as well: history then reaches back as far as it can.
 */
function newestOfEach(
  newestFirst: readonly RestorePointId[],
  period: Period,
  count: number,
): RestorePointId[] {
  const kept: RestorePointId[] = [];
  let last: number | undefined;
  for (const [index, id] of newestFirst.entries()) {
    if (kept.length >= count) break;
    const number = periodOf(timeOf(id), period);
    if (number !== last || index === newestFirst.length - 1) kept.push(id);
    last = number;
  }
  return kept;
}

function newestVerified(
  ids: readonly RestorePointId[],
  verified: readonly VerifiedRestorePoint[],
  depth: VerifiedDepth,
): RestorePointId | undefined {
  const found = new Set(verified.filter((entry) => entry.depth === depth).map(({ id }) => id));
  return ids.findLast((id) => found.has(id));
}

/** Each timeline that the newest restore point doesn't have, and the last one that has it. */
function lastOfAbandoned(
  points: readonly RetainedPoint[],
): { readonly id: RestorePointId; readonly line: Line }[] {
  const last = new Map<string, { readonly id: RestorePointId; readonly line: Line }>();
  for (const { id, lines } of points) for (const line of lines) last.set(nameOf(line), { id, line });
  for (const line of points.at(-1)?.lines ?? []) last.delete(nameOf(line));
  return [...last.values()];
}

function nameOf({ context, timeline }: Line): string {
  return `${timeline}/${context}`;
}
