import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { CONTROL_DBS, controlDbKey, controlDbKeyOf, runOf } from "./layout.js";
import type { Manifest } from "./manifest.js";
import { type RestorePointId, timeOf } from "./restore-point-id.js";
import type { VerifiedRestorePoints } from "./verification.js";

/**
 * Milliseconds between the beginnings of a run that never committed and of one that did, after which what only the first one refers to is left over. A run that stood still in its very last
 * step, and lost the repository meanwhile, may still commit, on a storage that can't tell it from others; what it needs stays for that long.
 */
export const LEFT_OVER_MS = 24 * 60 * 60 * 1000;

/** Of the keys of control DBs, those that no restore point needs and none will. @param ids of the restore points, oldest first */
function leftOver(controlDbs: readonly ObjectKey[], ids: readonly RestorePointId[]): ObjectKey[] {
  const newest = ids.at(-1);
  if (newest === undefined) return [];
  const committed = new Set<string>(ids);
  const before = timeOf(newest).getTime() - LEFT_OVER_MS;
  return controlDbs.filter((key) => {
    const run = runOf(key, CONTROL_DBS, ".zip");
    return run !== undefined && !committed.has(run) && timeOf(run).getTime() < before;
  });
}

/** Of these, those that no verification has seen a restore point of: the others' manifests are lost, and their control DBs are what tells of it. */
function neverSeen(
  controlDbs: readonly ObjectKey[],
  { restorePoints, seen = [] }: VerifiedRestorePoints,
): ObjectKey[] {
  const known = new Set<string | undefined>([...seen, ...restorePoints.map(({ id }) => id)]);
  return controlDbs.filter((key) => !known.has(runOf(key, CONTROL_DBS, ".zip")));
}

/** What orphans are found with. */
export interface OrphanReader {
  /** The runs that a control DB is stored of. */
  controlDbs(): Promise<readonly RestorePointId[]>;
  /** Oldest first. */
  restorePoints(): Promise<readonly RestorePointId[]>;
  verification(): Promise<VerifiedRestorePoints>;
  /** @throws EngineError */
  manifest(id: RestorePointId): Promise<Manifest>;
}

/**
 * Control DBs of runs that never committed, if they began long before the newest restore point: a run that stood still in its last step may still commit. Lists them before the restore points: one
 * that is about to be committed is none.
 */
export async function orphanedControlDbs(reader: OrphanReader): Promise<ObjectKey[]> {
  const controlDbs = await reader.controlDbs();
  const ids = await reader.restorePoints();
  const orphans = leftOver(controlDbs.map(controlDbKey), ids);
  const unknown = orphans.length === 0 ? orphans : neverSeen(orphans, await reader.verification());
  return unknown.length === 0 ? unknown : notBorrowed(unknown, controlDbs, ids, reader);
}

/**
 * Of these, those that no restore point has borrowed: one that was made of a head has the control DB of the one before, which may be gone. It has none of its own: that tells which manifests are to be read.
 * @returns none, if a manifest that may have borrowed can't be read
 */
async function notBorrowed(
  orphans: readonly ObjectKey[],
  controlDbs: readonly RestorePointId[],
  ids: readonly RestorePointId[],
  reader: Pick<OrphanReader, "manifest">,
): Promise<ObjectKey[]> {
  const stored = new Set(controlDbs);
  const borrowed = new Set<ObjectKey>();
  for (const id of ids) {
    if (stored.has(id)) continue;
    try {
      borrowed.add(controlDbKeyOf(await reader.manifest(id)));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return [];
    }
  }
  return orphans.filter((key) => !borrowed.has(key));
}
