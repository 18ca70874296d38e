import { EngineError, type PruneReport } from "@axon-backup/core";
import { plural } from "../output/units.js";

/** What went wrong in a run that went to its end. */
export function problemsOf(report: PruneReport): EngineError[] {
  return [brokenOf(report), refusalsOf(report)].filter((error) => error !== undefined);
}

/** Restore points that stay, and can't be restored. */
function brokenOf({ broken }: PruneReport): EngineError | undefined {
  if (broken.length === 0) return undefined;
  const shown = broken.slice(0, 3).map(({ id, problem }) => `${id}: ${problem}`);
  const more = broken.length > shown.length ? [`and ${broken.length - shown.length} more`] : [];
  return new EngineError(
    "damage",
    `${plural(broken.length, "restore point")} that the rules keep can't be restored from this sink: ${[...shown, ...more].join("; ")}`,
    "What would be kept without them was kept, too. A backup stores again what is missing or damaged, if the server still has it: run one, then `axon-backup verify` and prune again. What stays damaged, another sink may have; a restore point that is lost, restore-points/<id>.json, can be removed by hand.",
  );
}

/** What a sink didn't let go, as an error. */
function refusalsOf({ failed, notTried }: PruneReport): EngineError | undefined {
  const [first] = failed;
  if (first === undefined) return undefined;
  const { error } = first;
  const remedy = "remedy" in error && typeof error.remedy === "string" ? `${error.remedy} ` : "";
  const untried = notTried > 0 ? `, and ${notTried} more were not tried` : "";
  return new EngineError(
    "failed",
    `${plural(failed.length, "object")} could not be removed${untried}`,
    `${remedy}The restore points that are left are whole; the next prune tries again.`,
    error,
  );
}
