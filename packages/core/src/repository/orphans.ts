import type { ObjectKey } from "@axon-backup/sink";
import { CONTROL_DBS, runOf } from "./layout.js";
import { type RestorePointId, timeOf } from "./restore-point-id.js";
import type { VerifiedRestorePoints } from "./verification.js";

/**
 * Milliseconds between the beginnings of a run that never committed and of one that did, after which what only the first one refers to is left over. A run that stood still in its very last
 * step, and lost the repository meanwhile, may still commit, on a storage that can't tell it from others; what it needs stays for that long.
 */
export const LEFT_OVER_MS = 24 * 60 * 60 * 1000;

/** Of the keys of control DBs, those that no restore point needs and none will. @param ids of the restore points, oldest first */
export function leftOver(controlDbs: readonly ObjectKey[], ids: readonly RestorePointId[]): ObjectKey[] {
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
export function neverSeen(
  controlDbs: readonly ObjectKey[],
  { restorePoints, seen = [] }: VerifiedRestorePoints,
): ObjectKey[] {
  const known = new Set<string | undefined>([...seen, ...restorePoints.map(({ id }) => id)]);
  return controlDbs.filter((key) => !known.has(runOf(key, CONTROL_DBS, ".zip")));
}
