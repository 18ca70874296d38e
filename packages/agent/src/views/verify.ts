import type { Finding, LastRead, PointVerified, VerifyReport } from "@axon-backup/core";
import type { SinkOutcome } from "../commands/each-sink.js";
import { describeError } from "../errors/describe-error.js";
import { printable } from "../output/printable.js";
import { errorJson } from "../output/report-error.js";
import { formatTable } from "../output/table.js";
import { formatBytes, formatCount, formatDuration, formatTime, plural } from "../output/units.js";

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

/** A table with a row for each sink, then what there is to say of each; nothing if nothing could be verified. */
export function verifyText(outcomes: readonly Outcome[], listObjects = false): string {
  // Why each of them failed is told as an error.
  if (outcomes.every(({ outcome }) => outcome === "failed")) return "";
  return [summary(outcomes), ...outcomes.map((outcome) => sinkText(outcome, listObjects))].join("");
}

function summary(outcomes: readonly Outcome[]): string {
  return formatTable(
    [
      { heading: "SINK" },
      { heading: "DAMAGE" },
      { heading: "RESTORE POINTS", align: "right" },
      { heading: "OBJECTS", align: "right" },
      { heading: "SIZE", align: "right" },
      { heading: "READ NOW", align: "right" },
      { heading: "RATE", align: "right" },
      { heading: "LAST READ, OLDEST" },
      { heading: "NOT READ YET" },
    ],
    outcomes.map((outcome) => {
      if (outcome.outcome === "failed") return [outcome.sink, "failed"];
      const { restorePoints, objects, size, bytes, seconds, findings, lastRead } = outcome.value;
      const unread = lastRead.filter(({ read }) => read === null);
      return [
        outcome.sink,
        findings.length === 0 ? "none" : plural(findings.length, "finding"),
        formatCount(restorePoints.length),
        formatCount(objects),
        formatBytes(size),
        bytes > 0 ? formatBytes(bytes) : "-",
        bytes > 0 && seconds > 0 ? `${formatBytes(bytes / seconds)}/s` : "-",
        shortTime(oldest(lastRead)),
        unread.length === 0 ? "-" : `${formatCount(unread.length)} (${formatBytes(sizeOf(unread))})`,
      ];
    }),
  );
}

/** More restore points than this are counted, not named. */
const NAMED = 3;
/** Of each sink, this many of its restore points are shown, the newest; and those that are damaged. */
const SHOWN = 5;

function sinkText(outcome: Outcome, listObjects: boolean): string {
  if (outcome.outcome === "failed") return `\n${outcome.sink}: failed\n`;
  const { findings, notes, lastRead } = outcome.value;
  const verdict = findings.length === 0 ? "no damage" : `DAMAGED: ${plural(findings.length, "finding")}`;
  const lines = [``, `${outcome.sink}: ${verdict}`, ...readLines(outcome.value), ...findingLines(findings)];
  for (const note of notes) lines.push(`  note: ${printable(note)}`);
  if (findings.some(({ mendable }) => mendable))
    lines.push(
      "  → The next `axon-backup backup` stores damaged copies again, if the server still has the files. Restore from another sink until then.",
    );
  if (findings.some(({ mendable }) => !mendable))
    lines.push(
      "  → What a backup can't mend (manifests, control DBs, files that were damaged on the server when they were stored) stays as it is: use other restore points, or another sink.",
    );
  const text = lines.map((line) => `${line}\n`).join("") + pointsTable(outcome.value);
  return listObjects ? text + objectsTable(lastRead) : text;
}

function readLines({ depth, bytes, read, seconds, store }: VerifyReport): string[] {
  if (depth === "objects") return [];
  const { segments, transactions, events, controlDbs } = store;
  return [
    `  data: ${plural(read, "object")} read, ${formatBytes(bytes)} in ${formatDuration(seconds * 1000)}`,
    `  store: ${plural(segments, "segment")} with ${plural(transactions, "transaction")} of ${plural(events, "event")} and snapshots, ${plural(controlDbs, "control DB")}`,
  ];
}

const FOUND_BY = { objects: "listing", data: "reading", store: "looking into the store" } as const;

/** Findings under the check that found them. */
function findingLines(findings: readonly Finding[]): string[] {
  return (["objects", "data", "store"] as const).flatMap((depth) => {
    const found = findings.filter((finding) => finding.depth === depth);
    return found.length === 0
      ? []
      : [
          `  found by ${FOUND_BY[depth]}:`,
          ...found.flatMap(({ key, finding, restorePoints }) => [
            `    ${printable(key)}: ${printable(finding)}`,
            ...(restorePoints.length === 0
              ? []
              : [
                  `      needed by ${restorePoints.length > NAMED ? plural(restorePoints.length, "restore point") : restorePoints.join(", ")}`,
                ]),
          ]),
        ];
  });
}

function pointsTable({ verified, head }: VerifyReport): string {
  const shown = verified.filter(({ damaged }, index) => damaged || index >= verified.length - SHOWN);
  if (shown.length === 0 && head === null) return "";
  const table = formatTable(
    [
      { heading: "RESTORE POINT" },
      { heading: "NOW" },
      { heading: "OBJECTS VERIFIED" },
      { heading: "DATA VERIFIED" },
    ],
    [
      ...shown.map((point) => pointRow(point, point.restorePoint)),
      ...(head ? [pointRow(head, `${head.restorePoint} head`)] : []),
    ],
  );
  const left = verified.length - shown.length;
  return indented(left === 0 ? table : `${table}and ${plural(left, "earlier one", "earlier ones")}, right\n`);
}

function pointRow({ damaged, objects, data }: PointVerified, name: string): readonly string[] {
  return [name, damaged ? "DAMAGED" : "right", shortTime(objects), shortTime(data)];
}

function objectsTable(lastRead: readonly LastRead[]): string {
  return indented(
    formatTable(
      [{ heading: "LAST READ" }, { heading: "SIZE", align: "right" }, { heading: "OBJECT" }],
      lastRead.map(({ key, bytes, read }) => [
        read === null ? "not yet" : shortTime(read),
        formatBytes(bytes),
        key,
      ]),
    ),
  );
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}

function shortTime(time: string | null): string {
  return time === null ? "-" : formatTime(new Date(time));
}

/** When the object was read that was read the longest ago; null if none was. */
function oldest(lastRead: readonly LastRead[]): string | null {
  return lastRead.reduce<string | null>(
    (least, { read }) => (read !== null && (least === null || read < least) ? read : least),
    null,
  );
}

function sizeOf(lastRead: readonly LastRead[]): number {
  return lastRead.reduce((sum, { bytes }) => sum + bytes, 0);
}
