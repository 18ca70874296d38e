import type { PreviewedContext, RestorePreview } from "@axon-backup/core";
import { describeError } from "../errors/describe-error.js";
import { printable } from "../output/printable.js";
import { formatTable } from "../output/table.js";
import { formatBytes, formatCount, formatDuration, formatTime, plural } from "../output/units.js";
import { controlDbLine, countText, headText, leftOutLine, pointText } from "./restore.js";

export function restorePreviewJson(preview: RestorePreview): object {
  const { measured, target, ...rest } = preview;
  const error = target.problem && describeError(target.problem);
  return {
    dryRun: true,
    ...rest,
    kept: rest.kept && { ...rest.kept, comparedBy: "length" },
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
  const { sink, objects, bytes, contexts, controlDb } = preview;
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
    `Dry run: nothing was written. Would restore ${pointText(preview)} from ${printable(sink)}: ${plural(objects, "object")}, ${formatBytes(bytes)}`,
    timeLine(preview),
    targetLine(preview),
    ...keptLines(preview),
    ...contexts.map(contextLine),
    ...disorderLines(preview),
    controlDbLine(controlDb, contexts),
    ...preview.contextsLeftOut.map(leftOutLine),
  ];
  return `${lines.join("\n")}\n\n${table}`;
}

/** What is to be fetched. */
function fetchedOf({ objects, bytes, kept }: RestorePreview): {
  readonly objects: number;
  readonly bytes: number;
} {
  return { objects: objects - (kept?.files ?? 0), bytes: bytes - (kept?.bytes ?? 0) };
}

function rateOf(preview: RestorePreview): number | null {
  const { measured } = preview;
  const { bytes } = fetchedOf(preview);
  return measured && measured.estimate > 0 ? Math.round((bytes / measured.estimate) * 1000) : null;
}

function timeLine(preview: RestorePreview): string {
  const { measured } = preview;
  const rate = rateOf(preview);
  if (!measured || rate === null) return "Time: unknown, too little came to measure the sink's rate";
  const { objects, bytes, milliseconds } = measured.sample;
  return `Time: about ${formatDuration(measured.estimate)} to read it at ${formatBytes(rate)}/s, measured on ${plural(objects, "object")} of it, ${formatBytes(bytes)} in ${formatDuration(milliseconds)}; writing may take longer`;
}

function targetLine(preview: RestorePreview): string {
  const { target } = preview;
  const { bytes } = fetchedOf(preview);
  const path = printable(target.path);
  if (target.problem)
    return `Target: would be refused: ${printable(target.problem.message)}. ${target.problem.remedy}`;
  const state = {
    absent: "doesn't exist yet, and would be made",
    empty: "is empty",
    interrupted: "holds what a restore left that was cut off",
    "old store": "holds an old store",
    "in use": "is in use",
  }[target.state];
  const free =
    target.freeBytes === null ? "" : `; ${formatBytes(target.freeBytes)} free, ${formatBytes(bytes)} needed`;
  return `Target: ${path} ${state}${free}`;
}

function keptLines(preview: RestorePreview): string[] {
  const { kept } = preview;
  if (!kept) return [];
  const { objects, bytes } = fetchedOf(preview);
  return [
    `Kept: ${plural(kept.files, "file")} of the right length, ${formatBytes(kept.bytes)}; to fetch: ${plural(objects, "object")}, ${formatBytes(bytes)}. The restore reads what is there, and fetches what isn't right as well`,
  ];
}

function disorderLines({ time }: RestorePreview): string[] {
  if (time === null) return [];
  return [
    `Clocks: whether events later than ${formatTime(time)} stand before the last one, and stay, only the restore finds out; it says so`,
  ];
}

function contextLine({ name, events }: PreviewedContext): string {
  const dropped = countText(events, "event");
  const cut = dropped === "" ? "" : `; cut off: ${dropped}, and snapshots of later states, if there are any`;
  return `Context ${name}: ${headText(events)}${cut}`;
}
