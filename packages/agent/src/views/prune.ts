import type { Candidate, Decision, Line, PruneReport } from "@axon-backup/core";
import type { SinkOutcome } from "../commands/each-sink.js";
import { describeError } from "../errors/describe-error.js";
import { printable } from "../output/printable.js";
import { errorJson } from "../output/report-error.js";
import { formatTable } from "../output/table.js";
import { formatBytes, plural } from "../output/units.js";

/** What became of one sink. */
export interface PrunedSink {
  /** Whether the sink has a retention. */
  readonly hasRules: boolean;
  readonly report: PruneReport;
}

type Outcome = SinkOutcome<PrunedSink>;

export function pruneJson(outcomes: readonly Outcome[], dryRun: boolean): object {
  return {
    dryRun,
    sinks: outcomes.map((outcome) => {
      if (outcome.outcome === "failed")
        return { sink: outcome.sink, error: errorJson(describeError(outcome.error)) };
      const { hasRules, report } = outcome.value;
      return {
        sink: outcome.sink,
        hasRules,
        restorePoints: report.restorePoints.map(({ id, reasons, abandoned }) => ({
          restorePoint: id,
          kept: reasons.length > 0,
          reasons,
          abandoned,
        })),
        broken: report.broken.map(({ id, problem }) => ({ restorePoint: id, problem })),
        removed: report.removed,
        freedBytes: bytesOf(report.removed),
        failed: report.failed.map(({ error, ...object }) => ({
          ...object,
          error: errorJson(describeError(error)),
        })),
        notTried: report.notTried,
        waiting: report.waiting,
        unknown: report.unknown,
      };
    }),
  };
}

/** Of each sink: its restore points with why they stay, then what went. A dry run names each object. */
export function pruneText(outcomes: readonly Outcome[], dryRun: boolean): string {
  return outcomes
    .map((outcome) =>
      outcome.outcome === "failed"
        ? `${outcome.sink}: failed\n`
        : sinkText(outcome.sink, outcome.value, dryRun),
    )
    .join("\n");
}

function sinkText(sink: string, { hasRules, report }: PrunedSink, dryRun: boolean): string {
  const { restorePoints, removed, failed, notTried, waiting, unknown } = report;
  const lines = [`${sink}: ${summary(report, dryRun)}`];
  if (!hasRules)
    lines.push("  no retention is configured for this sink: every restore point stays, whatever its age");
  if (waiting.length > 0)
    lines.push(
      `  ${plural(waiting.length, "object")} (${formatBytes(bytesOf(waiting))}) that no restore point needs stay for now${dryRun ? "" : "; --dry-run names them"}`,
    );
  if (unknown.objects > 0)
    lines.push(
      `  ${plural(unknown.objects, "object")} of others left alone: ${unknown.examples.map(printable).join(", ")}${unknown.objects > unknown.examples.length ? ", …" : ""}`,
    );
  if (failed.length > 0) lines.push("  could not be removed:");
  for (const { key, error } of failed) lines.push(`    ${key}: ${printable(error.message)}`);
  if (notTried > 0) lines.push(`    and ${plural(notTried, "object")} more that were not tried`);
  const gone = new Set<string>(removed.map(({ key }) => key));
  const text = lines.map((line) => `${line}\n`).join("") + indented(pointsTable(restorePoints, gone, dryRun));
  return dryRun
    ? text + indented(objectsTable(removed, "REMOVED")) + indented(objectsTable(waiting, "STAYS FOR NOW"))
    : text;
}

function summary({ restorePoints, removed }: PruneReport, dryRun: boolean): string {
  const points = removed.filter(({ kind }) => kind === "restore-point").length;
  const objects = plural(removed.length, "object");
  const kept = restorePoints.length - points;
  const would = dryRun ? "would be " : "";
  return removed.length === 0
    ? `nothing ${dryRun ? "would be" : "was"} removed; ${plural(kept, "restore point")} kept`
    : `${plural(points, "restore point")} ${would}removed, ${kept} kept; ${objects} of ${formatBytes(bytesOf(removed))} ${would}freed`;
}

function pointsTable(points: readonly Decision[], gone: ReadonlySet<string>, dryRun: boolean): string {
  if (points.length === 0) return "";
  return formatTable(
    [{ heading: "RESTORE POINT" }, { heading: dryRun ? "WOULD BE" : "WAS" }, { heading: "BY" }],
    points.map(({ id, reasons, abandoned }) => [
      id,
      reasons.length > 0 ? "kept" : gone.has(`restore-points/${id}.json`) ? "removed" : "not removed",
      reasons.map((reason) => (reason === "abandoned" ? linesText(abandoned) : reason)).join(", "),
    ]),
  );
}

function linesText(lines: readonly Line[]): string {
  return lines.map(({ context, timeline }) => `abandoned ${context} (timeline ${timeline})`).join(", ");
}

function objectsTable(objects: readonly Candidate[], heading: string): string {
  if (objects.length === 0) return "";
  return formatTable(
    [{ heading }, { heading: "SIZE", align: "right" }, { heading: "WHY" }],
    objects.map(({ key, bytes, reason }) => [key, formatBytes(bytes), reason]),
  );
}

function bytesOf(objects: readonly Candidate[]): number {
  return objects.reduce((sum, { bytes }) => sum + bytes, 0);
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
