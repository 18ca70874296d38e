import { EngineError } from "../errors.js";
import type { ContextManifest, Manifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";

/** The newest manifest that can be read. One that is damaged is passed over: what it had beyond the one before is stored again. */
export async function newestReadable(
  repository: Repository,
  ids: readonly Manifest["id"][],
  warnings: string[],
): Promise<Manifest | undefined> {
  for (const id of ids.toReversed()) {
    const manifest = await readOrWarn(repository, id, warnings);
    if (manifest) return manifest;
  }
  return undefined;
}

/** What a restore point says of a context. */
export interface Recorded {
  readonly restorePoint: RestorePointId;
  readonly context: ContextManifest;
}

/** A context's timelines, as restore points tell of them. */
export interface RecordedTimelines {
  /** Each timeline's newest restore point, newest first. */
  readonly newest: readonly Recorded[];
  /** Every number that is in use: of a timeline that branched off, also the one that it left. */
  readonly numbers: ReadonlySet<number>;
  /** Whether there are restore points that can't be read, and may be of yet another one. */
  readonly isIncomplete: boolean;
}

/** Reads every manifest: only done when a history has diverged. */
export async function recordedTimelines(
  repository: Repository,
  ids: readonly RestorePointId[],
  name: string,
): Promise<RecordedTimelines> {
  const newest = new Map<number, Recorded>();
  const numbers = new Set<number>();
  const unreadable: string[] = [];
  for (const id of ids.toReversed()) {
    const manifest = await readOrWarn(repository, id, unreadable);
    const context = manifest?.contexts.find((candidate) => candidate.name === name);
    if (context === undefined) continue;
    numbers.add(context.timeline);
    if (context.branch) numbers.add(context.branch.timeline);
    if (!newest.has(context.timeline)) newest.set(context.timeline, { restorePoint: id, context });
  }
  return { newest: [...newest.values()], numbers, isIncomplete: unreadable.length > 0 };
}

/**
 * What each context had when it was backed up last: mostly in the newest restore point. One that was left out for a while has its history in an older one, which still needs
 * every object: a backup that began anew would write over them.
 * @param wanted contexts to be found if any restore point has them. For those that the newest doesn't have, manifests are read one after the other, back from it
 */
export async function recordedContexts(
  repository: Repository,
  ids: readonly Manifest["id"][],
  newest: Manifest | undefined,
  wanted: readonly string[],
  warnings: string[],
): Promise<Map<string, Recorded>> {
  const recorded = new Map<string, Recorded>();
  const addTo = ({ id }: Manifest, contexts: readonly ContextManifest[]): void => {
    for (const context of contexts)
      if (!recorded.has(context.name)) recorded.set(context.name, { restorePoint: id, context });
  };
  if (newest === undefined) return recorded;
  addTo(newest, newest.contexts);
  for (const id of ids.slice(0, ids.indexOf(newest.id)).toReversed()) {
    const absent = wanted.filter((name) => !recorded.has(name));
    if (absent.length === 0) break;
    const manifest = await readOrWarn(repository, id, warnings);
    if (manifest)
      addTo(
        manifest,
        manifest.contexts.filter(({ name }) => absent.includes(name)),
      );
  }
  return recorded;
}

async function readOrWarn(
  repository: Repository,
  id: Manifest["id"],
  warnings: string[],
): Promise<Manifest | undefined> {
  try {
    return await repository.manifest(id);
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== "damage") throw error;
    warnings.push(`${error.message}; going on from the restore point before it`);
    return undefined;
  }
}
