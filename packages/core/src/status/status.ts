import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { type Lock, type LockOptions, readLock } from "../lease/unlock.js";
import { headProblem } from "../repository/find-head.js";
import { kindOfKey } from "../repository/key-kind.js";
import { CHECKPOINTS, damagedKey, HEAD_KEY, LAST_FAILURE_KEY, WRITER_KEY } from "../repository/layout.js";
import type { Manifest } from "../repository/manifest.js";
import { options } from "../repository/read-optional.js";
import type { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { VerifiedRestorePoint } from "../repository/verification.js";
import { type LastFailure, readLastFailure } from "./last-failure.js";

/** How a repository stands, as its own objects tell. */
export interface RepositoryStatus {
  readonly restorePoints: number;
  /** The newest restore point that can be read; undefined if there is none. */
  readonly newest: Manifest | undefined;
  /** The head that goes on from the newest one, if there is one that counts: where the repository stands. */
  readonly head: Manifest | undefined;
  /** What is wrong with `head.json`, if anything. */
  readonly headProblem: EngineError | undefined;
  /** Restore points that are newer, and can't be read. */
  readonly unreadable: readonly RestorePointId[];
  /** Everything that is there, others' objects included. */
  readonly size: { readonly objects: number; readonly bytes: number };
  /** Of restore points that are still there, the newest one verified, by each depth; none if none was. */
  readonly verified: readonly VerifiedRestorePoint[];
  /** Objects that `verify` found damaged, and that no backup has stored again. */
  readonly damaged: readonly ObjectKey[];
  /** Who writes at the moment, or was cut off and left his lock. */
  readonly lock: Lock | undefined;
  /** Whether a run was cut off after it had stored something: the next one goes on with it. */
  readonly isUnfinished: boolean;
  /** Why the last run failed, if none has succeeded since. */
  readonly lastFailure: LastFailure | undefined;
}

/** Reads how a repository stands: by one listing, and a handful of small documents. Changes nothing. */
export async function readStatus(
  repository: Repository,
  lockOptions: LockOptions = {},
): Promise<RepositoryStatus> {
  const { sink } = repository;
  const { signal } = lockOptions;
  const ids: RestorePointId[] = [];
  const damaged: ObjectKey[] = [];
  const size = { objects: 0, bytes: 0 };
  const there = new Set<ObjectKey>();
  let isUnfinished = false;
  for await (const object of sink.list("", options(signal))) {
    size.objects++;
    size.bytes += object.size;
    const kind = kindOfKey(object.key);
    if (kind.kind === "restore-point") ids.push(kind.run);
    else if (kind.kind === "damage-mark") damaged.push(damagedKey(object.key) ?? object.key);
    else if (kind.kind === "administration") {
      there.add(object.key);
      isUnfinished ||= object.key.startsWith(CHECKPOINTS);
    }
  }
  ids.sort();
  const { newest, unreadable } = await newestReadable(repository, ids);
  const found = there.has(HEAD_KEY) ? (await repository.commits()).head : undefined;
  const lock = there.has(WRITER_KEY) ? await readLock(sink, lockOptions) : undefined;
  const failure = there.has(LAST_FAILURE_KEY) ? await readLastFailure(sink, signal) : undefined;
  return {
    restorePoints: ids.length,
    newest,
    head: found?.state === "current" ? found.manifest : undefined,
    headProblem: found && headProblem(found),
    unreadable,
    size,
    verified: newestVerified(await repository.verifiedRestorePoints(), ids),
    damaged: damaged.sort(),
    lock: lock && { holder: lock.holder, modified: lock.modified, state: lock.state },
    isUnfinished,
    lastFailure: failure && (newest === undefined || failure.failed > newest.finished) ? failure : undefined,
  };
}

async function newestReadable(
  repository: Repository,
  ids: readonly RestorePointId[],
): Promise<Pick<RepositoryStatus, "newest" | "unreadable">> {
  const unreadable: RestorePointId[] = [];
  for (const id of ids.toReversed())
    try {
      return { newest: await repository.manifest(id), unreadable };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      // Removed since it was listed: that is no damage.
      if (error.kind === "damage") unreadable.push(id);
      else if (error.kind !== "usage") throw error;
    }
  return { newest: undefined, unreadable };
}

function newestVerified(
  verified: readonly VerifiedRestorePoint[],
  ids: readonly RestorePointId[],
): VerifiedRestorePoint[] {
  const there = new Set(ids);
  return (["data", "objects"] as const).flatMap((depth) => {
    const ofDepth = verified.filter((point) => point.depth === depth && there.has(point.id));
    return ofDepth.sort((one, other) => (one.id < other.id ? -1 : 1)).slice(-1);
  });
}
