import type { ContextManifest, KnownProblem, Manifest, StoreManifest } from "@axon-backup/core";
import type { SinkOutcome } from "../commands/each-sink.js";
import { describeError } from "../errors/describe-error.js";
import { errorJson } from "../output/report-error.js";
import { printable } from "../output/printable.js";
import { formatFields, formatTable } from "../output/table.js";
import { formatBytes, formatTime, plural } from "../output/units.js";
import { headText, manifestBytes, summariseStore, tokenText } from "./manifest.js";

/** A restore point, and what in it was damaged on the server already. */
export interface ShownRestorePoint {
  readonly manifest: Manifest;
  /** Whether it is what was stored after the newest restore point, and none itself. */
  readonly isHead: boolean;
  readonly problems: readonly KnownProblem[];
}

type Outcome = SinkOutcome<ShownRestorePoint | undefined>;

export function showJson(outcomes: readonly Outcome[]): object {
  return {
    sinks: outcomes.map((outcome) =>
      outcome.outcome === "failed"
        ? { sink: outcome.sink, error: errorJson(describeError(outcome.error)) }
        : {
            sink: outcome.sink,
            restorePoint: outcome.value === undefined ? null : manifestJson(outcome.value),
          },
    ),
  };
}

function manifestJson({ manifest, isHead, problems }: ShownRestorePoint): object {
  const { id, repository, parent, started, finished, agent, server, controlDb } = manifest;
  return {
    id,
    isHead,
    repository,
    parent,
    started,
    finished,
    agent,
    server,
    controlDb: { ...controlDb, run: controlDb.run ?? id },
    bytes: manifestBytes(manifest),
    contexts: manifest.contexts.map(({ name, timeline, branch = null, events, snapshots }) => ({
      name,
      timeline,
      branch,
      events: storeJson(events),
      snapshots: storeJson(snapshots),
    })),
    problems,
  };
}

function storeJson(store: StoreManifest): object {
  const { closedFiles, bytes, lastClosedSegment, lastToken, lastTokenExact } = summariseStore(store);
  const open = store.open.map(({ name, validBytes, length, nextToken, complete, unknownFormat = null }) => ({
    name,
    validBytes,
    length,
    nextToken,
    complete,
    unknownFormat,
  }));
  return { closedFiles, bytes, lastClosedSegment, lastToken, lastTokenExact, open };
}

export function showText(outcomes: readonly Outcome[]): string {
  return outcomes
    .map((outcome) => {
      if (outcome.outcome === "failed") return `sink ${outcome.sink}: failed\n`;
      return outcome.value === undefined
        ? `sink ${outcome.sink}: doesn't have it\n`
        : manifestText(outcome.sink, outcome.value);
    })
    .join("\n");
}

function manifestText(sink: string, { manifest, isHead, problems }: ShownRestorePoint): string {
  const { server, controlDb } = manifest;
  const fields = formatFields([
    [isHead ? "head" : "restore point", manifest.id],
    ["sink", sink],
    ["started", formatTime(new Date(manifest.started))],
    ["finished", formatTime(new Date(manifest.finished))],
    ["parent", manifest.parent ?? "none (first)"],
    ["agent", manifest.agent],
    ["server", `${server.name}, Axon Server ${server.edition} ${server.version}`],
    [
      "control DB",
      `${controlDb.name}, ${formatBytes(controlDb.size)}${controlDb.run === undefined ? "" : `, of restore point ${controlDb.run}`}`,
    ],
    ["size", formatBytes(manifestBytes(manifest))],
  ]);
  const table = formatTable(
    [
      { heading: "CONTEXT" },
      { heading: "STORE" },
      { heading: "LAST TOKEN", align: "right" },
      { heading: "LAST CLOSED SEGMENT", align: "right" },
      { heading: "CLOSED" },
      { heading: "OPEN" },
      { heading: "SIZE", align: "right" },
    ],
    manifest.contexts.flatMap((context) => [storeRow(context, "events"), storeRow(context, "snapshots")]),
  );
  const branches = manifest.contexts.flatMap(({ name, timeline, branch }) =>
    branch === undefined
      ? []
      : [
          `\ntimeline ${timeline} of ${printable(name)} left timeline ${branch.timeline} after ${branch.restorePoint ?? "a restore point that couldn't be read"}, ${formatTime(new Date(branch.begun))}: ${printable(branch.reason)}\n`,
        ],
  );
  const damaged = problems.map(
    ({ context, name, problem }) => `\nDAMAGED when it was stored: ${context}/${name} ${printable(problem)}`,
  );
  return `${fields}\n${table}${branches.join("")}${damaged.join("")}${damaged.length > 0 ? "\n" : ""}`;
}

function storeRow(context: ContextManifest, kind: "events" | "snapshots"): string[] {
  const summary = summariseStore(context[kind]);
  const timeline = context.timeline === 0 ? "" : ` (timeline ${context.timeline})`;
  return [
    `${context.name}${timeline}`,
    kind,
    headText(summary.lastToken, summary.lastTokenExact),
    tokenText(summary.lastClosedSegment),
    plural(summary.closedFiles, "file"),
    plural(summary.openSegments, "segment"),
    formatBytes(summary.bytes),
  ];
}
