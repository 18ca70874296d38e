import { formatBytes, formatDuration, plural } from "../output/units.js";
import type { Lateness, Retrying, SinkHealth, SinkState } from "./model.js";

/** What is known of a sink, without what follows from it. */
export type SinkFacts = Omit<SinkState, "health" | "reasons" | "late"> & {
  /** Since when the service works on it. */
  readonly since: Date;
};

/** Which of a sink's promises aren't kept now. */
export function latenessOf(facts: SinkFacts, now: Date): Lateness {
  const { promise } = facts;
  const lag = promise.lag === undefined ? undefined : lagReason(facts, promise.lag, now);
  const restorePoint =
    promise.restorePoint === undefined ? undefined : restorePointReason(facts, promise.restorePoint, now);
  return { ...(lag !== undefined && { lag }), ...(restorePoint !== undefined && { restorePoint }) };
}

/** The contexts whose oldest event has waited for longer than the promise allows. */
export function lateContexts({ lags, promise }: SinkFacts, now: Date): readonly string[] {
  const { lag: limit = Infinity } = promise;
  return lags
    .filter(({ since }) => since !== undefined && now.getTime() - since.getTime() > limit)
    .map(({ context }) => context);
}

/** How a sink is, and why. */
export function healthOf(facts: SinkFacts, now: Date): Pick<SinkState, "health" | "reasons" | "late"> {
  const late = latenessOf(facts, now);
  return { ...healthWith(facts, late), late };
}

function healthWith(
  facts: SinkFacts,
  late: Lateness,
): { readonly health: SinkHealth; readonly reasons: readonly string[] } {
  const { failure, damagedObjects, retrying } = facts;
  const reasons = [
    ...(damagedObjects > 0
      ? [`${plural(damagedObjects, "object")} on it ${damagedObjects === 1 ? "is" : "are"} damaged`]
      : []),
    ...(failure ? [failureReason(failure)] : []),
    ...(late.restorePoint === undefined ? [] : [late.restorePoint]),
    ...(late.lag === undefined ? [] : [late.lag]),
  ];
  // What was given up says it already.
  const again = retrying && !failure ? [retryingReason(retrying)] : [];
  if (damagedObjects > 0) return { health: "damaged", reasons: [...reasons, ...again] };
  if (failure) return { health: "failing", reasons };
  if (reasons.length > 0) return { health: "behind", reasons: [...reasons, ...again] };
  return facts.lastSuccess === undefined
    ? { health: "starting", reasons: ["nothing is stored on it yet", ...again] }
    : { health: "current", reasons };
}

function retryingReason({ attempts, since, error }: Retrying): string {
  return `a call is tried again, and has failed ${plural(attempts, "time")} since ${since.toISOString()}: ${error.message}`;
}

const JOB_NAMES: Readonly<Record<NonNullable<SinkFacts["failure"]>["job"], string>> = {
  "restore-point": "the restore point",
  follow: "storing new events",
  verify: "the verification",
  prune: "pruning",
};

function failureReason({ job, attempts, error, since }: NonNullable<SinkFacts["failure"]>): string {
  const often = attempts === 1 ? "" : ` ${attempts} times since ${since.toISOString()}`;
  return `${JOB_NAMES[job]} failed${often}: ${error.message}`;
}

function lagReason({ lags }: SinkFacts, limit: number, now: Date): string | undefined {
  let worst: { readonly waiting: number; readonly lag: (typeof lags)[number] } | undefined;
  for (const lag of lags) {
    if (lag.since === undefined) continue;
    const waiting = now.getTime() - lag.since.getTime();
    if (waiting > limit && waiting > (worst?.waiting ?? 0)) worst = { waiting, lag };
  }
  if (worst === undefined) return undefined;
  const { context, tokens, bytes } = worst.lag;
  return `context ${context} is behind by ${plural(tokens, "event")}, ${formatBytes(bytes)} and ${formatDuration(worst.waiting)}; promised are ${formatDuration(limit)}`;
}

function restorePointReason(
  { restorePoints, since }: SinkFacts,
  limit: number,
  now: Date,
): string | undefined {
  const newest = restorePoints.findLast(({ id }) => id !== undefined);
  const age = now.getTime() - (newest?.started ?? since).getTime();
  if (age <= limit) return undefined;
  const what =
    newest === undefined
      ? `there has been no restore point for ${formatDuration(age)}`
      : `the newest restore point is ${formatDuration(age)} old`;
  return `${what}; promised are ${formatDuration(limit)}`;
}
