import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import { isSinkError, type Sink } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { objectOf } from "../repository/closed-object.js";
import { storeFileKey } from "../repository/layout.js";
import type { ClosedFile } from "../repository/manifest.js";
import { hashObject } from "../sinks/hashing.js";
import type { ContextRun } from "./model.js";
import { planStore, type StorePlan } from "./plan.js";

/**
 * Checks that nothing is lost: a segment that neither the sink nor the server has any more can't be in a restore point, and one without it would be a half one. Where a mark alone says that
 * an object is damaged, the object is read before that is believed: somebody may have brought it back since.
 * @returns the context, its plan taking such objects over
 * @throws EngineError `damage`
 */
export async function requireAll(
  sink: Sink,
  run: ContextRun,
  signal: AbortSignal | undefined,
): Promise<ContextRun> {
  const plan: Record<StoreKind, StorePlan> = { ...run.plan };
  for (const store of STORE_KINDS) {
    const { files } = run.state.stores[store];
    const right = new Set<string>();
    for (const file of [...plan[store].lost, ...plan[store].dropped]) {
      const object = objectOf(file);
      if (files.sizeOf(object) !== file.size) continue;
      const key = storeFileKey(run.name, run.state.timeline, store, object);
      if ((await hashOrNone(sink, key, signal)) === file.sha256) right.add(object);
    }
    if (right.size > 0) {
      const isDamaged = (object: string): boolean => files.isDamaged(object) && !right.has(object);
      plan[store] = planStore(run.captured[store].listing, { ...files, isDamaged });
    }
    refuseLoss(`${run.name} (${store})`, plan[store].lost);
  }
  return { ...run, plan };
}

/** An object that can't be read is as good as none. */
async function hashOrNone(
  ...[sink, key, signal]: Parameters<typeof hashObject>
): Promise<string | undefined> {
  try {
    return await hashObject(sink, key, signal);
  } catch (error) {
    if (isSinkError(error)) return undefined;
    throw error;
  }
}

function refuseLoss(where: string, [first, ...others]: readonly ClosedFile[]): void {
  if (first === undefined) return;
  throw new EngineError(
    "damage",
    `${where}: ${first.name}${others.length > 0 ? ` and ${others.length} other segments are` : " is"} missing or damaged on the sink, and the server does not have it any more`,
    "Copy the object from another sink that has it (same key), or begin a new repository on an empty sink. Nothing was changed.",
  );
}
