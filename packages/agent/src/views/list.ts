import { headOf, type Manifest, type RestorePointId, timeOf } from "@axon-backup/core";
import type { SinkOutcome } from "../commands/each-sink.js";
import { describeError } from "../errors/describe-error.js";
import { errorJson } from "../output/report-error.js";
import { formatTable } from "../output/table.js";
import { formatBytes, formatTime } from "../output/units.js";
import { headText, manifestBytes } from "./manifest.js";
import { contextLabel, timelinesText } from "./timelines.js";

/** A restore point whose manifest could be read, or not. */
export type ListedRestorePoint =
  | { readonly id: RestorePointId; readonly manifest: Manifest }
  | { readonly id: RestorePointId; readonly error: unknown };

/** What a sink has to restore. */
export interface ListedSink {
  /** Oldest first. */
  readonly points: readonly ListedRestorePoint[];
  /** What was stored after the newest one; undefined for nothing. One that can't be read has no id. */
  readonly head: ListedRestorePoint | { readonly error: unknown } | undefined;
}

type Outcome = SinkOutcome<ListedSink>;

export function listJson(outcomes: readonly Outcome[]): object {
  return {
    sinks: outcomes.map((outcome) =>
      outcome.outcome === "failed"
        ? { sink: outcome.sink, error: errorJson(describeError(outcome.error)) }
        : {
            sink: outcome.sink,
            restorePoints: outcome.value.points.map(pointJson),
            head: headJson(outcome.value.head),
          },
    ),
  };
}

function headJson(head: ListedSink["head"]): object | null {
  if (head === undefined) return null;
  return "id" in head ? pointJson(head) : { error: errorJson(describeError(head.error)) };
}

function pointJson(point: ListedRestorePoint): object {
  if ("error" in point) return { id: point.id, error: errorJson(describeError(point.error)) };
  const { id, manifest } = point;
  return {
    id,
    started: manifest.started,
    finished: manifest.finished,
    parent: manifest.parent,
    bytes: manifestBytes(manifest),
    contexts: manifest.contexts.map((context) => {
      const [events, snapshots] = [headOf(context.events), headOf(context.snapshots)];
      return {
        name: context.name,
        timeline: context.timeline,
        branch: context.branch ?? null,
        lastEventToken: events.lastToken,
        lastEventTokenExact: events.exact,
        lastSnapshotToken: snapshots.lastToken,
        lastSnapshotTokenExact: snapshots.exact,
      };
    }),
  };
}

export function listText(outcomes: readonly Outcome[]): string {
  return outcomes.map((outcome) => sinkText(outcome, outcomes.length > 1)).join("\n");
}

function sinkText(outcome: Outcome, named: boolean): string {
  const heading = named ? `sink ${outcome.sink}\n` : "";
  if (outcome.outcome === "failed") return `sink ${outcome.sink}: failed\n`;
  const { points, head } = outcome.value;
  if (points.length === 0) return `${heading}no restore points\n`;
  const manifests = points.flatMap((point) => ("error" in point ? [] : [point.manifest]));
  const trees = timelinesText(manifests);
  return (
    heading +
    formatTable(
      [
        { heading: "RESTORE POINT" },
        { heading: "TIME" },
        { heading: "LAST EVENT" },
        { heading: "SIZE", align: "right" },
        { heading: "PARENT" },
      ],
      [...points.map(pointRow), ...(head ? [headRow(head)] : [])],
    ) +
    (trees === "" ? "" : `\n${trees}`)
  );
}

function pointRow(point: ListedRestorePoint): readonly string[] {
  const time = formatTime(timeOf(point.id));
  if ("error" in point) return [point.id, time, "damaged", "", ""];
  const { manifest } = point;
  return [
    point.id,
    time,
    headsText(manifest),
    formatBytes(manifestBytes(manifest)),
    manifest.parent ?? "none (first)",
  ];
}

/** What was stored after the newest restore point can be restored like one. */
function headRow(head: NonNullable<ListedSink["head"]>): readonly string[] {
  if (!("id" in head)) return ["head", "", "damaged", "", ""];
  const [id = "", ...rest] = pointRow(head);
  return [`${id} head`, ...rest];
}

/** The last event's token of each context: `default: 172, orders: 5`. `show` tells of all. */
function headsText({ contexts }: Manifest): string {
  const heads = contexts.slice(0, 3).map((context) => {
    const { lastToken, exact } = headOf(context.events);
    return `${contextLabel(context)}: ${headText(lastToken, exact)}`;
  });
  const more = contexts.length - heads.length;
  return [...heads, ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}
