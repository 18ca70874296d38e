import { controlDbKey, restorePointKey } from "../repository/layout.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { Report } from "./findings.js";

/** What is left of restore points whose manifest isn't there. */
export interface Traces {
  /** Restore points that there are. */
  readonly restorePoints: ReadonlySet<RestorePointId>;
  /** Runs that a control DB is stored of. */
  readonly controlDbs: readonly RestorePointId[];
  /** Restore points that others inherit from, or that were there at an earlier verification. */
  readonly known: ReadonlySet<RestorePointId>;
  /** Whether somebody writes to the repository, or was killed while writing. */
  readonly isBeingWritten: boolean;
}

/**
 * Finds restore points whose manifest was lost: a listing can't show what isn't there, but its control DB is still there, which `prune` would have removed with it. As
 * long as somebody writes, or was killed, that may be a run before its commit or a `prune` half done, and it is a note. The same if nobody knows of such a restore point.
 * @returns the lost ones
 */
export function reportLost(traces: Traces, report: Report, notes: string[]): RestorePointId[] {
  const lost: RestorePointId[] = [];
  const { restorePoints, controlDbs, known, isBeingWritten } = traces;
  for (const id of controlDbs) {
    if (restorePoints.has(id)) continue;
    if (known.has(id)) lost.push(id);
    if (known.has(id) && !isBeingWritten)
      report({
        key: restorePointKey(id),
        finding: `is missing, and ${controlDbKey(id)} is there: the restore point was lost, or its removal was broken off (then prune again)`,
        depth: "objects",
        restorePoints: [id],
        mend: false,
      });
    else
      notes.push(
        `${controlDbKey(id)} belongs to no restore point: its run goes on, or was cut off, or its manifest was lost`,
      );
  }
  return lost;
}
