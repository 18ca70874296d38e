import type { BackupReport, SinkReport, Tally } from "@axon-backup/core";
import { describeError } from "../errors/describe-error.js";
import { errorJson } from "../output/report-error.js";
import { formatTable } from "../output/table.js";
import { formatBytes, formatCount, formatDuration, plural } from "../output/units.js";
import { headText } from "./manifest.js";
import { changeText } from "./timelines.js";

export function backupJson(report: BackupReport): object {
  return {
    started: report.started.toISOString(),
    finished: report.finished.toISOString(),
    sinks: report.sinks.map((sink) =>
      sink.outcome === "failed" ? { ...sink, error: errorJson(describeError(sink.error)) } : sink,
    ),
  };
}

/** What was new, inherited, overwritten and repaired, per sink and context; then what became of each sink. */
export function backupText(report: BackupReport): string {
  const rows = report.sinks.flatMap((sink) =>
    sink.outcome === "failed"
      ? []
      : sink.contexts.map((context) => [
          sink.sink,
          context.context,
          tallyText(context.added),
          tallyText(context.inherited),
          tallyText(context.overwritten),
          tallyText(context.repaired),
          headText(context.lastEventToken, context.lastEventTokenExact),
        ]),
  );
  const table = formatTable(
    [
      { heading: "SINK" },
      { heading: "CONTEXT" },
      { heading: "NEW" },
      { heading: "INHERITED" },
      { heading: "OPEN, OVERWRITTEN" },
      { heading: "REPAIRED" },
      { heading: "LAST EVENT", align: "right" },
    ],
    rows,
  );
  const elapsed = formatDuration(report.finished.getTime() - report.started.getTime());
  const outcomes = report.sinks.map((sink) => outcomeText(sink, elapsed)).join("");
  return rows.length === 0 ? outcomes : `${table}\n${outcomes}`;
}

function outcomeText(sink: SinkReport, elapsed: string): string {
  if (sink.outcome === "failed") return `${sink.sink}: failed\n`;
  const { objects, bytes } = sink.sent;
  const changes = sink.timelines.map((change) => `${sink.sink}: ${changeText(change)}\n`);
  return `${sink.sink}: restore point ${sink.restorePoint}; sent ${formatBytes(bytes)} in ${plural(objects, "object")}, ${elapsed}\n${changes.join("")}`;
}

function tallyText({ objects, bytes }: Tally): string {
  return objects === 0 ? "-" : `${formatCount(objects)} (${formatBytes(bytes)})`;
}
