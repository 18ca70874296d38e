import { EngineError } from "../errors.js";
import type { ContextManifest, Manifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";

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
): Promise<Map<string, ContextManifest>> {
  const recorded = new Map<string, ContextManifest>();
  const add = (context: ContextManifest): void => {
    if (!recorded.has(context.name)) recorded.set(context.name, context);
  };
  if (newest === undefined) return recorded;
  newest.contexts.forEach(add);
  for (const id of ids.slice(0, ids.indexOf(newest.id)).toReversed()) {
    const absent = wanted.filter((name) => !recorded.has(name));
    if (absent.length === 0) break;
    const manifest = await readOrWarn(repository, id, warnings);
    manifest?.contexts.filter(({ name }) => absent.includes(name)).forEach(add);
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
