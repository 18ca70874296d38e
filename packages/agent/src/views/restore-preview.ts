import type { PreviewedContext, RestorePreview } from "@axon-backup/core";
import { describeError } from "../errors/describe-error.js";
import { printable } from "../output/printable.js";
import { formatTable } from "../output/table.js";
import { formatBytes, formatCount, formatDuration, plural } from "../output/units.js";
import { controlDbLine, countText, headText, leftOutLine } from "./restore.js";

export function restorePreviewJson(preview: RestorePreview): object {
  const { measured, target, ...rest } = preview;
  const error = target.problem && describeError(target.problem);
  return {
    dryRun: true,
    ...rest,
    rate: measured
      ? {
          sample: measured.sample,
          bytesPerSecond: rateOf(preview),
          milliseconds: Math.round(measured.estimate),
        }
      : null,
    target: {
      path: target.path,
      state: target.state,
      freeBytes: target.freeBytes,
      problem: error ? { message: error.message, remedy: error.remedy ?? null } : null,
    },
  };
}

export function restorePreviewText(preview: RestorePreview): string {
  const { restorePoint, sink, objects, bytes, contexts, controlDb } = preview;
  const table = formatTable(
    [
      { heading: "CONTEXT" },
      { heading: "STORE" },
      { heading: "OBJECTS", align: "right" },
      { heading: "BYTES", align: "right" },
    ],
    [
      ...contexts.flatMap(({ name, events, snapshots }) => [
        [name, "events", formatCount(events.objects), formatBytes(events.bytes)],
        [name, "snapshots", formatCount(snapshots.objects), formatBytes(snapshots.bytes)],
      ]),
      ["", "control DB", "1", formatBytes(controlDb.size)],
    ],
  );
  const lines = [
    `Dry run: nothing was written. Would restore ${restorePoint} from ${printable(sink)}: ${plural(objects, "object")}, ${formatBytes(bytes)}`,
    timeLine(preview),
    targetLine(preview),
    ...contexts.map(contextLine),
    controlDbLine(restorePoint, controlDb.made, contexts),
    ...preview.contextsLeftOut.map(leftOutLine),
  ];
  return `${lines.join("\n")}\n\n${table}`;
}

function rateOf({ measured, bytes }: RestorePreview): number | null {
  return measured && measured.estimate > 0 ? Math.round((bytes / measured.estimate) * 1000) : null;
}

function timeLine(preview: RestorePreview): string {
  const { measured } = preview;
  const rate = rateOf(preview);
  if (!measured || rate === null) return "Time: unknown, too little came to measure the sink's rate";
  const { objects, bytes, milliseconds } = measured.sample;
  return `Time: about ${formatDuration(measured.estimate)} to read it at ${formatBytes(rate)}/s, measured on ${plural(objects, "object")} of it, ${formatBytes(bytes)} in ${formatDuration(milliseconds)}; writing may take longer`;
}

function targetLine({ target, bytes }: RestorePreview): string {
  const path = printable(target.path);
  if (target.problem)
    return `Target: would be refused: ${printable(target.problem.message)}. ${target.problem.remedy}`;
  const state = {
    absent: "doesn't exist yet, and would be made",
    empty: "is empty",
    interrupted: "holds what a restore left that was cut off",
    "in use": "holds an old store",
  }[target.state];
  const free =
    target.freeBytes === null ? "" : `; ${formatBytes(target.freeBytes)} free, ${formatBytes(bytes)} needed`;
  return `Target: ${path} ${state}${free}`;
}

function contextLine({ name, events }: PreviewedContext): string {
  const dropped = countText(events, "event");
  const cut = dropped === "" ? "" : `; cut off: ${dropped}, and snapshots of later states, if there are any`;
  return `Context ${name}: ${headText(events)}${cut}`;
}
