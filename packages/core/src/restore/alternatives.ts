import { isSinkError } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { controlDbKeyOf } from "../repository/layout.js";
import type { Manifest } from "../repository/manifest.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { RepositoryReader } from "./fallback-repository.js";
import type { Moment } from "./moment.js";
import { iso } from "./moment-errors.js";
import type { RestorePlan } from "./plan.js";
import { isFault, type Sources } from "./sources.js";
import type { RestoreOptions } from "./types.js";

/** So many restore points are looked at for one that can stand in. */
const TRIED = 10;

/** Does `find`; of a newest restore point whose manifest is damaged, the error names the newest older one that can be read. */
export async function orNameOlder<Result>(
  sources: Sources,
  { restorePoint = "latest", signal }: Pick<RestoreOptions, "restorePoint" | "signal">,
  find: () => Promise<Result>,
): Promise<Result> {
  try {
    return await find();
  } catch (error) {
    const isOfManifest = isDamage(error) && /\b(restore-points|pages)\//.test(error.message);
    if (!isOfManifest || restorePoint !== "latest") throw error;
    const older = await orNothing(signal, () => sources.serve(newestReadable));
    if (older === undefined) throw error;
    throw new EngineError(
      "damage",
      error.message,
      `An older one can be read: \`--restore-point ${older}\`. ${error.remedy}`,
      error,
    );
  }
}

async function newestReadable(repository: RepositoryReader): Promise<RestorePointId | undefined> {
  const ids = (await repository.restorePoints()).toReversed();
  for (const id of ids.slice(1, 1 + TRIED))
    try {
      const { contexts } = await repository.manifest(id);
      for (const { events, snapshots } of contexts)
        for (const store of [snapshots, events]) await repository.closedFiles(store);
      return id;
    } catch (error) {
      if (!isFault(error)) throw error;
    }
  return undefined;
}

/** Does `fetch`; of a control DB that no sink has whole, the error names a restore point that has another one, and what is restored as well. No backup brings back the one that is gone. */
export async function orNameOtherControlDb<Result>(
  sources: Sources,
  {
    manifest,
    moment,
    plan,
  }: { readonly manifest: Manifest; readonly moment: Moment; readonly plan: RestorePlan },
  signal: AbortSignal | undefined,
  fetch: () => Promise<Result>,
): Promise<Result> {
  try {
    return await fetch();
  } catch (error) {
    if (!isDamage(error)) throw error;
    const other = await orNothing(signal, () =>
      sources.serve((repository) => withControlDb(repository, sources, manifest, plan)),
    );
    const hint = other === undefined ? "Restore another restore point." : describe(other, manifest, moment);
    throw new EngineError(
      "damage",
      error.message,
      `Nothing was restored. ${hint} The segments aren't concerned, and no backup can store this control DB again: each stores its own.`,
      error,
    );
  }
}

function describe(other: RestorePointId, { id }: Manifest, moment: Moment): string {
  if (other < id) return `The restore point before has its own control DB: \`--restore-point ${other}\`.`;
  const which =
    moment.kind === "token"
      ? ` --token ${moment.token}${moment.exclusive ? " --exclusive" : ""}`
      : moment.kind === "time"
        ? ` --time ${iso(moment.time)}`
        : "";
  return `A later restore point has all of this, and a control DB of its own: \`--restore-point ${other}${which}\`.`;
}

/** The earliest later restore point that has the same contexts in the same timelines, at least as far; or else, of a whole restore point, the one before. */
async function withControlDb(
  repository: RepositoryReader,
  sources: Sources,
  { id, contexts }: Manifest,
  plan: RestorePlan,
): Promise<RestorePointId | undefined> {
  const ids = await repository.restorePoints();
  const wanted = plan.contexts.map(({ name, cutBefore, stores }) => ({
    name,
    timeline: contexts.find((context) => context.name === name)?.timeline,
    end: cutBefore ?? stores.events.nextToken,
  }));
  const isCut = plan.contexts.some(({ cutBefore }) => cutBefore !== undefined);
  const later = ids.filter((other) => other > id).slice(0, TRIED);
  const older = isCut
    ? []
    : ids
        .filter((other) => other < id)
        .toReversed()
        .slice(0, TRIED);
  for (const other of [...later, ...older])
    try {
      const manifest = await repository.manifest(other);
      const hasAll = wanted.every(({ name, timeline, end }) =>
        manifest.contexts.some(
          (context) =>
            context.name === name &&
            context.timeline === timeline &&
            (other < id || context.events.nextToken >= end),
        ),
      );
      // Some have borrowed the one that is gone.
      const isAnother = controlDbKeyOf(manifest) !== plan.controlDb.key;
      if (hasAll && isAnother && (await hasControlDb(sources, manifest))) return other;
    } catch (error) {
      if (!isFault(error)) throw error;
    }
  return undefined;
}

async function hasControlDb({ inOrder }: Sources, manifest: Manifest): Promise<boolean> {
  for (const source of inOrder)
    try {
      const { size } = await (await source.sink()).stat(controlDbKeyOf(manifest));
      if (size === manifest.controlDb.size) return true;
    } catch (error) {
      if (!isFault(error)) throw error;
    }
  return false;
}

function isDamage(error: unknown): error is EngineError {
  return error instanceof EngineError && error.kind === "damage";
}

/** What failed first matters more than that nothing can be found to do about it. */
async function orNothing<Result>(
  signal: AbortSignal | undefined,
  find: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await find();
  } catch (error) {
    signal?.throwIfAborted();
    if (!isFault(error) && !isSinkError(error)) throw error;
    return undefined;
  }
}
