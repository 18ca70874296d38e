import type { RestorePointId } from "../repository/restore-point-id.js";
import type { VerifiedDepth, VerifiedRestorePoint } from "../repository/verification.js";
import { givenUpLines, type Line, type RetainedLine } from "./given-up.js";
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
  /** Milliseconds: how long the last restore point of an abandoned timeline is kept after it was given up. Left out: for ever. */
  readonly abandoned?: number;
}

/** What the rules look at in a restore point. */
export interface RetainedPoint {
  readonly id: RestorePointId;
  /** When its run began, by the manifest: after a clock was ahead, the ids of later ones are too late. */
  readonly started: Date;
  readonly lines: readonly RetainedLine[];
}

/**
 * Why a restore point is kept:
 *
 * - `no-rules`: there are none.
 * - `newest`, `verified-data`, `verified-objects`: it is the newest, or the newest verified to that depth. Always kept.
 * - `future`: its time hasn't come yet: one of two clocks is wrong, and ages mean nothing then.
 * - `abandoned`: it is the last one of a timeline that the newest restore point doesn't have.
 * - `without-abandoned`: it is the first one without such a timeline, and nothing else tells when that was given up.
 * - `instead`: a rule keeps one that can't be restored, and would keep this one if that weren't there.
 * - the others: by the rule of that name.
 */
export type KeepReason =
  | "no-rules"
  | "newest"
  | `verified-${VerifiedDepth}`
  | "future"
  | "last"
  | "within"
  | Period
  | "abandoned"
  | "without-abandoned"
  | "instead";

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

/** Milliseconds. A restore point that comes so long after the one before may be of a clock that has jumped. */
const LONG_GAP = 40 * 86_400_000;

/** Applies the rules. Pure. @returns as many decisions as there are points, in their order */
export function applyPolicy({ points, rules, verified, now }: PolicyInput): Decision[] {
  const reasons = new Map<RestorePointId, Set<KeepReason>>(points.map(({ id }) => [id, new Set()]));
  const keep = (id: RestorePointId | undefined, reason: KeepReason): void => {
    if (id !== undefined) reasons.get(id)?.add(reason);
  };
  const ids = points.map(({ id }) => id);
  if (!hasRules(rules)) for (const id of ids) keep(id, "no-rules");
  keep(ids.at(-1), "newest");
  for (const depth of ["data", "objects"] as const)
    keep(newestVerified(ids, verified, depth), `verified-${depth}`);
  const past = points.filter(({ started }) => started <= now);
  for (const { id, started } of points) if (started > now) keep(id, "future");
  const { reference } = referenceOf(past, now);
  const age = (time: Date): number => reference.getTime() - time.getTime();

  for (const id of ids.toReversed().slice(0, rules.last ?? 0)) keep(id, "last");
  const { within } = rules;
  if (within !== undefined)
    for (const { id, started } of points) if (age(started) <= within) keep(id, "within");
  for (const period of PERIODS)
    for (const id of newestOfEach(past.toReversed(), period, rules[period] ?? 0)) keep(id, period);

  const abandoned = new Map<RestorePointId, Line[]>();
  for (const { last, line, since, witness } of givenUpLines(points)) {
    const limit = rules.abandoned ?? Infinity;
    if (age(since) > limit) continue;
    keep(last, "abandoned");
    abandoned.set(last, [...(abandoned.get(last) ?? []), line]);
    if (limit < Infinity) keep(witness, "without-abandoned");
  }
  return ids.map((id) => ({ id, reasons: [...(reasons.get(id) ?? [])], abandoned: abandoned.get(id) ?? [] }));
}

/**
 * What ages are seen from: the newest restore point, and not the clock, so that nothing becomes too old while backups fail. One that comes after a long gap is passed over for
 * the one before: it may be of a clock that has jumped, and would make everything old at once. The next one after it confirms it.
 * @param past oldest first, those that are not of the future
 * @returns `passedOver`: of a newest one after a gap
 */
export function referenceOf(
  past: readonly RetainedPoint[],
  now: Date,
): { readonly reference: Date; readonly passedOver?: RestorePointId } {
  const [before, newest] = past.length > 1 ? past.slice(-2) : [undefined, past.at(-1)];
  if (newest === undefined) return { reference: now };
  if (before === undefined || newest.started.getTime() - before.started.getTime() <= LONG_GAP)
    return { reference: newest.started };
  return { reference: before.started, passedOver: newest.id };
}

/** Whether there is a rule that decides which restore points go. */
export function hasRules({ last, within, ...rules }: RetentionRules): boolean {
  return last !== undefined || within !== undefined || PERIODS.some((period) => rules[period] !== undefined);
}

/**
 * The newest of each of the newest `count` periods that have any. When there are fewer periods, the oldest restore point as well: history then reaches back as far as it can.
 */
function newestOfEach(
  newestFirst: readonly RetainedPoint[],
  period: Period,
  count: number,
): RestorePointId[] {
  const kept: RestorePointId[] = [];
  const seen = new Set<number>();
  for (const [index, { id, started }] of newestFirst.entries()) {
    if (kept.length >= count) break;
    const number = periodOf(started, period);
    if (!seen.has(number) || index === newestFirst.length - 1) kept.push(id);
    seen.add(number);
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
