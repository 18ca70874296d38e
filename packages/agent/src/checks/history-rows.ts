import type { TimelineChange } from "@axon-backup/core";
import { type CheckRow, ok, warning } from "./types.js";

/** Whether the server goes on from what a sink has, and what the next backup does if not. */
export function historyRows(name: string, changes: readonly TimelineChange[]): readonly CheckRow[] {
  if (changes.length === 0) return [ok("history", name, "the server goes on from what the sink has")];
  return changes.map((change) => warning("history", name, found(change), REMEDY));
}

const REMEDY =
  "Find out why before the next backup: the server was reset, restored, has lost its last events in a crash, or is another one. Every restore point there is stays, and can be restored.";

function found({ context, timeline, from, reason, resumed }: TimelineChange): string {
  const next = resumed
    ? `goes on in timeline ${timeline}, which the server's history goes on from`
    : `begins timeline ${timeline} of ${context}, and stores everything of it anew`;
  const last =
    from === null ? "" : ` (the last restore point of timeline ${from.timeline} is ${from.restorePoint})`;
  return `the server's history of ${context} is not the one that this sink has: ${reason}${last}. The next backup ${next}, and ends with exit code 7`;
}
