import type { VerifyReport } from "@axon-backup/core";
import type { SinkOutcome } from "../commands/each-sink.js";
import { describeError } from "../errors/describe-error.js";
import { printable } from "../output/printable.js";
import { errorJson } from "../output/report-error.js";
import { formatBytes, plural } from "../output/units.js";

type Outcome = SinkOutcome<VerifyReport>;

export function verifyJson(outcomes: readonly Outcome[]): object {
  return {
    sinks: outcomes.map((outcome) =>
      outcome.outcome === "failed"
        ? { sink: outcome.sink, error: errorJson(describeError(outcome.error)) }
        : { sink: outcome.sink, ...outcome.value },
    ),
  };
}

/** A line for each sink, then what was found there. */
export function verifyText(outcomes: readonly Outcome[]): string {
  return outcomes.map(sinkText).join("");
}

/** More restore points than this are counted, not named. */
const NAMED = 3;

function sinkText(outcome: Outcome): string {
  if (outcome.outcome === "failed") return `${outcome.sink}: failed\n`;
  const { restorePoints, objects, bytes, findings, notes } = outcome.value;
  const read = bytes > 0 ? `, ${formatBytes(bytes)} read` : "";
  const scope = `${plural(restorePoints.length, "restore point")}, ${plural(objects, "object")}${read}`;
  const verdict = findings.length === 0 ? "no damage" : `DAMAGED: ${plural(findings.length, "finding")}`;
  const lines = [`${outcome.sink}: ${verdict} (${scope})`];
  for (const { key, finding, restorePoints: affected } of findings) {
    lines.push(`  ${printable(key)}: ${printable(finding)}`);
    if (affected.length > 0)
      lines.push(
        `    needed by ${affected.length > NAMED ? plural(affected.length, "restore point") : affected.join(", ")}`,
      );
  }
  for (const note of notes) lines.push(`  note: ${printable(note)}`);
  if (findings.some(({ mendable }) => mendable))
    lines.push(
      "  → The next `axon-backup backup` stores damaged copies again, if the server still has the files. Restore from another sink until then.",
    );
  if (findings.some(({ mendable }) => !mendable))
    lines.push(
      "  → What a backup can't mend (manifests, control DBs, files that were damaged on the server when they were stored) stays as it is: use other restore points, or another sink.",
    );
  return lines.map((line) => `${line}\n`).join("");
}
