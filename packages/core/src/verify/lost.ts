import { controlDbKey, restorePointKey } from "../repository/layout.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { Report } from "./findings.js";

/** What is left of restore points whose manifest isn't there. */
export interface Traces {
  /** Restore points that there are. */
  readonly restorePoints: ReadonlySet<RestorePointId>;
  /** Runs that a control DB is stored of. */
  readonly controlDbs: readonly RestorePointId[];
  /** Restore points that others inherit from: `prune` may have removed them. */
  readonly parents: ReadonlySet<RestorePointId>;
  /** Runs whose control DB is needed by others than their own restore point: `prune` may have removed that one, and it stays. */
  readonly borrowed: ReadonlySet<RestorePointId>;
  /** Restore points that were there at an earlier verification, and that no `prune` has removed. */
  readonly seen: ReadonlySet<RestorePointId>;
  /** Whether somebody writes to the repository, or was killed while writing. */
  readonly isBeingWritten: boolean;
}

/**
 * Finds restore points whose manifest was lost: a listing can't show what isn't there, but an earlier verification has seen it, or another one inherits from it and its control DB is
 * still there, which `prune` would have removed with it. As long as somebody writes, or was killed, that may be a run before its commit or a `prune` half done, and it is a note. So is a
 * control DB of a restore point that nobody knows.
 * @returns the lost ones
 */
export function reportLost(traces: Traces, report: Report, notes: string[]): RestorePointId[] {
  const { restorePoints, parents, borrowed, seen, isBeingWritten } = traces;
  const controlDbs = new Set(traces.controlDbs);
  const lost: RestorePointId[] = [];
  for (const id of [...new Set([...controlDbs, ...seen])].sort()) {
    if (restorePoints.has(id)) continue;
    if (borrowed.has(id) && !seen.has(id)) continue;
    const isLost = seen.has(id) || parents.has(id);
    if (isLost) lost.push(id);
    if (isLost && !isBeingWritten)
      report({
        key: restorePointKey(id),
        finding: controlDbs.has(id)
          ? `is missing, and ${controlDbKey(id)} is there: the restore point was lost, or its removal was broken off (then prune again)`
          : "is missing, and an earlier verification has seen it: the restore point was lost, or removed by something else than `axon-backup prune` (which puts this right)",
        depth: "objects",
        restorePoints: [id],
        mend: false,
      });
    else if (controlDbs.has(id))
      notes.push(
        `${controlDbKey(id)} belongs to no restore point: its run goes on, or was cut off, or its manifest was lost`,
      );
    else notes.push(`restore point ${id} is gone: it is just being pruned, or was lost`);
  }
  return lost;
}
