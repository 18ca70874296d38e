import { atOnce } from "../at-once.js";
import { EngineError } from "../errors.js";
import { type Lease, withLease } from "../lease/lease.js";
import { leaseWarnings } from "../lease/warnings.js";
import { ignoreEvents } from "../observer.js";
import { WRITER_KEY } from "../repository/layout.js";
import { options as callOptions } from "../repository/read-optional.js";
import { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { type BrokenPoint, findBroken, keepInstead } from "./broken.js";
import { type Candidate, RemovalPlanner, type RemovalPlan, without } from "./plan.js";
import { clockWarnings } from "./clock-warnings.js";
import { type Needs, NeedsCheck } from "./needs.js";
import { applyPolicy, type Decision, type RetainedPoint } from "./policy.js";
import { addHead, addReferences, addUnfinished, readPoints } from "./references.js";
import { readVerified, recordUnreadable, refused, withRemoved } from "./refusals.js";
import { Remover } from "./remover.js";
import type { PruneOptions, PruneReport } from "./types.js";

/** Milliseconds. What is younger and not referred to may be of a run that nobody knows of: no run that still lives is as old. */
const SAFE_AGE = 24 * 3_600_000;

/** Milliseconds. S3 and HTTP dates are cut to whole seconds: the storage's clock may show as much more than an object's time. */
const STAMP_PRECISION = 1_000;

/** What a repository has to be rid of. */
interface Plan extends RemovalPlan {
  readonly decisions: readonly Decision[];
  readonly broken: readonly BrokenPoint[];
}

const NOTHING: PruneReport = {
  dryRun: false,
  restorePoints: [],
  broken: [],
  removed: [],
  failed: [],
  notTried: 0,
  waiting: [],
  unknown: { objects: 0, examples: [] },
};

/**
 * Removes the restore points that no rule keeps, then what no restore point needs. A restore point is gone when its manifest is; whatever is cut off after that leaves objects that
 * nothing refers to, and the next one removes them. Nothing at all is removed as long as a manifest or page of a restore point that stays can't be read: what it needs isn't known then.
 * @throws EngineError `damage` for those; `locked` while somebody else writes
 */
export async function prune(options: PruneOptions): Promise<PruneReport> {
  const { sink, dryRun = false, signal, name, observer = ignoreEvents } = options;
  const repository = await Repository.open(sink, signal);
  if (repository === undefined) return { ...NOTHING, dryRun };
  if (repository.problem !== undefined)
    observer({ kind: "warning", sink: name, message: `repository.json ${repository.problem}` });
  if (dryRun) {
    const plan = await planPrune(options, repository, undefined, signal);
    return { ...NOTHING, ...reportOf(plan), dryRun, removed: plan.removals };
  }
  const warn = (message: string): void => {
    observer({ kind: "warning", sink: name, message });
  };
  const lease = {
    agent: options.agent,
    command: "prune" as const,
    now: options.now ?? ((): Date => new Date()),
    signal,
    ...leaseWarnings(warn),
  };
  return withLease(sink, lease, (held) => pruneAlone(options, held));
}

async function pruneAlone(options: PruneOptions, lease: Lease): Promise<PruneReport> {
  const { sink, name, observer = ignoreEvents, connections } = options;
  const { signal } = lease;
  const repository = await Repository.open(sink, signal);
  if (repository === undefined) return NOTHING;
  // Just written: no clock but the storage's own says how old its objects are.
  const { modified } = await sink.stat(WRITER_KEY, { signal });
  const plan = await planPrune(options, repository, modified ?? null, signal);

  observer({ kind: "step", sink: name, step: "removal" });
  const { all } = atOnce(connections);
  const remover = new Remover({ sink, name, lease, atOnce: all, observer });
  const isManifest = ({ kind }: Candidate): boolean => kind === "restore-point";
  // Before they go, so that nobody finds them lost if this is cut off. One that can't be removed is verified again.
  await forgetVerified(repository, keptOf(plan.decisions));
  try {
    await remover.remove(plan.removals.filter(isManifest));
    const remaining = await remainingPoints(repository, plan);
    const rest = await withoutNeedsOf(plan, remaining, repository, all, signal);
    await remover.remove(rest.removals.filter((candidate) => !isManifest(candidate)));
  } catch (error) {
    throw withRemoved(error, remover.removed);
  }
  const { failed, notTried } = remover;
  // In the plan's order, and not in that in which the storage answered.
  const gone = new Set(remover.removed);
  const removed = plan.removals.filter((candidate) => gone.has(candidate));
  return { ...NOTHING, ...reportOf(plan), removed, failed, notTried };
}

function reportOf({
  decisions,
  broken,
  waiting,
  unknown,
}: Plan): Pick<PruneReport, "restorePoints" | "broken" | "waiting" | "unknown"> {
  return { restorePoints: decisions, broken, waiting, unknown };
}

/**
 * What the rules and the references say. Changes nothing.
 * @param storageNow by the storage's clock; null when it doesn't tell, undefined when it wasn't asked
 */
async function planPrune(
  options: PruneOptions,
  repository: Repository,
  storageNow: Date | null | undefined,
  signal: AbortSignal | undefined,
): Promise<Plan> {
  const { sink, name, observer = ignoreEvents, rules = {}, connections } = options;
  const { all } = atOnce(connections);
  observer({ kind: "step", sink: name, step: "restore points" });
  const { restorePoints: ids, head } = await repository.commits();
  const { points, unreadable } = await readPoints(repository, ids, all, signal);
  const neededByHead: Needs = new Map();
  unreadable.push(...(await addHead(neededByHead, head)));
  if (unreadable.length > 0) throw refused(unreadable);
  const record = await readVerified(sink, signal);
  const ours = options.now?.() ?? new Date();
  const now = earlier(ours, storageNow ?? undefined);
  const decide = (among: readonly RetainedPoint[]): Decision[] =>
    applyPolicy({ points: among, rules, verified: record.verified, now });
  const decisions = decide(points);
  for (const message of clockWarnings(points, decisions, now))
    observer({ kind: "warning", sink: name, message });
  if (record.problem !== undefined && keptOf(decisions).length < points.length)
    throw recordUnreadable(record.problem);

  const unfinished: Needs = new Map();
  const isUnfinishedComplete = await addUnfinished(unfinished, repository);
  const planFor = async (by: readonly Decision[]): Promise<{ plan: RemovalPlan; isWhole: boolean }> => {
    const needed: Needs = new Map(neededByHead);
    const missing = await addReferences(needed, repository, keptOf(by), all, signal);
    if (missing.length > 0) throw refused(missing);
    observer({ kind: "step", sink: name, step: "objects" });
    const planner = new RemovalPlanner({
      needed,
      unfinished,
      isUnfinishedComplete,
      removed: new Set(by.flatMap(({ id, reasons }) => (reasons.length === 0 ? [id] : []))),
      newest: ids.at(-1),
      now: storageNow === undefined ? ours : (storageNow ?? new Date(0)),
      safeAge: SAFE_AGE,
    });
    const check = new NeedsCheck(needed);
    for await (const object of sink.list("", callOptions(signal))) {
      planner.add(object);
      check.add(object);
    }
    return { plan: planner.end(), isWhole: check.end() };
  };
  const { plan, isWhole } = await planFor(decisions);
  if (isWhole) return { ...plan, decisions, broken: [] };
  const broken = await findBroken(repository, ids, all, signal);
  const isBroken = new Set(broken.map(({ id }) => id));
  const more = keepInstead(decisions, decide(points.filter(({ id }) => !isBroken.has(id))));
  const kept = new Set(keptOf(more));
  return { ...(await planFor(more)).plan, decisions: more, broken: broken.filter(({ id }) => kept.has(id)) };
}

/** The earlier one: a clock that is ahead makes everything old, one that is behind keeps too much. */
function earlier(ours: Date, storageNow: Date = ours): Date {
  return new Date(Math.min(ours.getTime(), storageNow.getTime() + STAMP_PRECISION));
}

function keptOf(decisions: readonly Decision[]): RestorePointId[] {
  return decisions.flatMap(({ id, reasons }) => (reasons.length > 0 ? [id] : []));
}

/** The restore points that are there now. @throws EngineError `locked` when there is one that wasn't */
async function remainingPoints(repository: Repository, { decisions }: Plan): Promise<RestorePointId[]> {
  const known = new Set(decisions.map(({ id }) => id));
  const ids = await repository.restorePoints();
  const added = ids.find((id) => !known.has(id));
  if (added === undefined) return ids;
  throw new EngineError(
    "locked",
    `restore point ${added} was made while this run held the lock on the repository`,
    `Nothing was removed that others may need. Find out which agent writes without the lock; the next run goes on.`,
  );
}

/** Takes all others out of the record of what was verified: they aren't lost when they are gone. */
async function forgetVerified(repository: Repository, kept: readonly RestorePointId[]): Promise<void> {
  const there = new Set(kept);
  const { restorePoints, seen = [] } = await repository.verification();
  const left = restorePoints.filter(({ id }) => there.has(id));
  const stillSeen = seen.filter((id) => there.has(id));
  if (left.length < restorePoints.length || stillSeen.length < seen.length)
    await repository.writeVerifiedRestorePoints(left, stillSeen);
}

/** The plan, without what restore points need that no rule keeps, and that are still there: their manifests could not be removed. */
async function withoutNeedsOf(
  plan: Plan,
  remaining: readonly RestorePointId[],
  repository: Repository,
  atOnce: number,
  signal: AbortSignal,
): Promise<RemovalPlan> {
  const kept = new Set(keptOf(plan.decisions));
  const stay = remaining.filter((id) => !kept.has(id));
  if (stay.length === 0) return plan;
  const needed: Needs = new Map();
  const unreadable = await addReferences(needed, repository, stay, atOnce, signal);
  return unreadable.length > 0 ? { ...plan, removals: [] } : without(plan, needed);
}
