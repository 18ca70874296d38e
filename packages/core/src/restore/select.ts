import type { Token } from "@axon-backup/axon-server";
import { newestVersions } from "../backup/store-files.js";
import { EngineError } from "../errors.js";
import { headProblem, idOfChoice, type RestorePointChoice } from "../repository/find-head.js";
import type { ContextManifest, Manifest, StoreManifest } from "../repository/manifest.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { RepositoryReader } from "./fallback-repository.js";
import type { Moment } from "./moment.js";

/** Where restore points are looked for. */
export type RestorePoints = Pick<RepositoryReader, "restorePoints" | "manifest" | "commits" | "page">;

/** Of which restore point what is asked for. */
export interface Selection {
  readonly restorePoint?: RestorePointChoice;
  readonly context?: string;
}

export interface Selected {
  readonly manifest: Manifest;
  readonly contexts: readonly ContextManifest[];
  /** Whether it is no restore point, but the head that came after the newest one. */
  readonly isHead: boolean;
}

/** The restore point that was asked for, with what is older. */
export interface Base extends Selected {
  /** Whether the operator has named it, by its id, as the latest or as the head. */
  readonly isNamed: boolean;
  /** Restore points, ascending. */
  readonly older: readonly RestorePointId[];
}

/**
 * The restore point that is named, or the newest one, with the contexts that are asked for. The head counts as one, and as the newest.
 * @throws EngineError `usage`, `damage`
 */
export async function selectBase(
  repository: RestorePoints,
  selection: Selection,
  moment: Moment,
): Promise<Base> {
  const commits = await repository.commits();
  const { restorePoints, head } = commits;
  const newest = restorePoints.at(-1);
  if (newest === undefined) throw nothingThere();
  const { restorePoint: choice = "latest" } = selection;
  const problem = headProblem(head);
  const id = idOfChoice(commits, choice) ?? (choice === "latest" ? newest : choice);
  if (id === "head") throw problem ?? noHead(newest);
  const current = head.state === "current" && head.manifest.id === id ? head.manifest : undefined;
  const manifest = current ?? (await repository.manifest(id));
  const contexts = selectContexts(manifest, selection.context);
  if (choice === "latest" && problem && !hasAll(contexts, moment)) throw headUnreadable(problem, newest);
  return {
    manifest,
    contexts,
    isHead: current !== undefined,
    isNamed: selection.restorePoint !== undefined,
    older: restorePoints.filter((other) => other < manifest.id),
  };
}

/**
 * The earliest restore point, back from `base`, that has everything before the given token of each of its contexts in the same timelines: the one whose control DB is the closest. Heads only grow within a timeline, so
 * the search ends at the first one that lacks something. It also ends at a transformation of the events: what was deleted doesn't come back unless somebody names a restore point that has it.
 */
export async function selectClosest(
  repository: RestorePoints,
  base: Selected & Pick<Base, "older">,
  ends: ReadonlyMap<string, Token>,
  warn: (message: string) => void,
): Promise<Selected> {
  let found: Selected = base;
  const transformed = new Map<string, TransformedSince>();
  for (const { name, events } of base.contexts)
    if (events.lastVersion > 0) transformed.set(name, await transformedSince(repository, events));
  const begun = Math.max(
    ...base.contexts.map(({ branch }) => Date.parse(branch?.begun ?? "")).map((time) => time || 0),
  );
  for (const id of base.older.toReversed()) {
    let manifest: Manifest;
    let isOlder = false;
    try {
      manifest = await repository.manifest(id);
      for (const { name, events } of manifest.contexts)
        isOlder ||= (await transformed.get(name)?.(events)) ?? false;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      warn(`${error.message}; looking for the closest restore point without it`);
      continue;
    }
    // Nothing of a timeline is older than where it began.
    if (Date.parse(manifest.finished) < begun) break;
    const contexts = manifest.contexts.filter(({ name, timeline }) =>
      base.contexts.some((wanted) => wanted.name === name && wanted.timeline === timeline),
    );
    // A context may have been in another timeline for a while, or left out.
    if (contexts.length < base.contexts.length) continue;
    if (contexts.some(({ name, events }) => events.nextToken < (ends.get(name) ?? 0))) break;
    if (isOlder) {
      warn(
        `events were transformed after restore point ${id}: it has them as they were before. They are restored as they are in ${found.manifest.id}; name the other one with --restore-point for what it has`,
      );
      break;
    }
    found = { manifest, contexts, isHead: false };
  }
  return found;
}

/** Whether a store has any segment in an older version than a later restore point has. One that was made while a transformation was being applied has some of its versions: its number alone doesn't tell. */
type TransformedSince = (store: StoreManifest) => Promise<boolean>;

async function transformedSince(
  repository: Pick<RepositoryReader, "page">,
  later: StoreManifest,
): Promise<TransformedSince> {
  const seen = new Set<string>();
  const readNames = async ({ pages, recent }: StoreManifest): Promise<string[]> => {
    const names = recent.map(({ name }) => name);
    for (const reference of pages) {
      // Restore points share most of them.
      if (seen.has(reference.sha256)) continue;
      for (const { name } of (await repository.page(reference)).files) names.push(name);
      seen.add(reference.sha256);
    }
    return names;
  };
  const newest = newestVersions(await readNames(later));
  return async (store) => {
    for (const [segment, version] of newestVersions(await readNames(store)))
      if (version < (newest.get(segment) ?? 0)) return true;
    return false;
  };
}

function selectContexts(manifest: Manifest, context: string | undefined): readonly ContextManifest[] {
  if (context === undefined) return manifest.contexts;
  const found = manifest.contexts.filter(({ name }) => name === context);
  if (found.length > 0) return found;
  throw new EngineError(
    "usage",
    `restore point ${manifest.id} has no context ${context}`,
    `It has ${namesOf(manifest)}.`,
  );
}

function noHead(newest: RestorePointId): EngineError {
  return new EngineError(
    "usage",
    `the sink has nothing that was stored after restore point ${newest}: there is no head`,
    "Leave --restore-point out, or name that one.",
  );
}

/** Whether nothing that came after could be part of what is asked for. A time may be that of a later event. */
function hasAll(contexts: readonly ContextManifest[], moment: Moment): boolean {
  return moment.kind === "token" && contexts.every(({ events }) => events.nextToken > moment.token);
}

/** Of what came after the restore point, nobody knows what there is: another sink may, and who wants to do without it says so. */
function headUnreadable(problem: EngineError, newest: RestorePointId): EngineError {
  return new EngineError(
    "damage",
    `${problem.message}; what was stored after restore point ${newest} can't be restored from here`,
    `Restore from another sink, too (\`--sink\`). To restore without what came after it: \`--restore-point ${newest}\`.`,
    problem,
  );
}

function nothingThere(): EngineError {
  return new EngineError(
    "usage",
    "the sink has no restore point",
    "Make one with `axon-backup backup`, or use another sink.",
  );
}

/** The names of its contexts, for a message. */
export function namesOf({ contexts }: Manifest): string {
  return contexts.map(({ name }) => name).join(", ");
}
