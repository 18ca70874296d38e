import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import type { Observer } from "../observer.js";
import type { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { SinkState } from "./sink-state.js";
import type { StoredContext } from "./store-context.js";

export interface TidyingTools {
  readonly repository: Repository;
  /** What the run found. */
  readonly state: SinkState;
  /** What it has made. */
  readonly restorePoint: RestorePointId;
  readonly stored: readonly StoredContext[];
  readonly checkpoints: readonly ObjectKey[];
  /** The sink's name. */
  readonly name: string;
  readonly observer: Observer;
}

/** Removes what served this run alone, and what came before it. The restore point stands already; what can't be removed now, the next run removes. */
export async function tidy({
  repository,
  state,
  restorePoint,
  stored,
  checkpoints,
  name,
  observer,
}: TidyingTools): Promise<void> {
  try {
    for (const mended of stored.flatMap(({ mended }) => mended)) await repository.removeDamageMark(mended);
    if (state.head.state !== "none") await removeHead(repository, restorePoint);
    for (const key of [...state.checkpoints, ...checkpoints, ...(await repository.orphanedControlDbs())])
      await repository.sink.delete(key);
  } catch (error) {
    observer({
      kind: "warning",
      sink: name,
      message: `the restore point is committed, but tidying up after it failed: ${String(error)}`,
    });
  }
}

/** The restore point has all of it. One that goes on from that is another writer's, who has taken over. */
async function removeHead(repository: Repository, restorePoint: RestorePointId): Promise<void> {
  try {
    const head = await repository.readHead();
    if (head === undefined || head.restorePoint === restorePoint) return;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // Damaged: it is of no use to anybody.
  }
  await repository.removeHead();
}
