import type { ContextDiff, FileChange, FileChangeKind, RestorePointDiff, StoreDiff } from "@axon-backup/core";
import type { SinkOutcome } from "../commands/each-sink.js";
import { describeError } from "../errors/describe-error.js";
import { printable } from "../output/printable.js";
import { errorJson } from "../output/report-error.js";
import { formatFields, formatTable } from "../output/table.js";
import { formatBytes, formatCount, plural } from "../output/units.js";
import { headText } from "./manifest.js";

type Outcome = SinkOutcome<RestorePointDiff | undefined>;
type Heads = Pick<StoreDiff, "before" | "after">;

/** How many files of a store the text names; `--json` names all. */
const SHOWN = 10;

export function diffJson(outcomes: readonly Outcome[]): object {
  return {
    sinks: outcomes.map((outcome) =>
      outcome.outcome === "failed"
        ? { sink: outcome.sink, error: errorJson(describeError(outcome.error)) }
        : { sink: outcome.sink, diff: outcome.value === undefined ? null : pointsJson(outcome.value) },
    ),
  };
}

function pointsJson({ before, after, controlDb, server, contexts }: RestorePointDiff): object {
  return { before, after, controlDb, server, contexts: contexts.map(contextJson) };
}

function contextJson(context: ContextDiff): object {
  const { name, change, timelines } = context;
  if (!("stores" in context) && !("heads" in context)) return { name, change, timelines };
  if ("heads" in context) {
    const { events, snapshots } = context.heads;
    return {
      name,
      change,
      timelines,
      branch: context.branch,
      events: headsJson(events),
      snapshots: headsJson(snapshots),
    };
  }
  const { events, snapshots } = context.stores;
  return { name, change, timelines, events: storeJson(events), snapshots: storeJson(snapshots) };
}

function headsJson({ before, after }: Heads): object {
  return {
    lastTokenBefore: before.lastToken,
    lastTokenBeforeExact: before.exact,
    lastTokenAfter: after.lastToken,
    lastTokenAfterExact: after.exact,
  };
}

function storeJson(store: StoreDiff): object {
  return { ...headsJson(store), count: store.events, newBytes: store.newBytes, files: store.files };
}

export function diffText(outcomes: readonly Outcome[]): string {
  return outcomes
    .map((outcome) => {
      if (outcome.outcome === "failed") return `sink ${outcome.sink}: failed\n`;
      return outcome.value === undefined
        ? `sink ${outcome.sink}: doesn't have both\n`
        : pointsText(outcome.sink, outcome.value);
    })
    .join("\n");
}

function pointsText(sink: string, { before, after, controlDb, server, contexts }: RestorePointDiff): string {
  const { before: one, after: other } = server;
  const fields = formatFields([
    ["sink", sink],
    ["before", before],
    ["after", after],
    ["control DB", controlDb.changed ? `another one, ${formatBytes(controlDb.after)}` : "the same"],
    ...(server.changed
      ? ([["server", `${one.name} ${one.version} before, ${other.name} ${other.version} after`]] as const)
      : []),
  ]);
  return [fields, ...contexts.map(contextText)].join("\n");
}

function contextText(context: ContextDiff): string {
  const name = printable(context.name);
  switch (context.change) {
    case "added":
      return `${name}: is in the second alone\n`;
    case "removed":
      return `${name}: is in the first alone\n`;
    case "diverged":
      return divergedText(name, context);
    case "same":
      return `${name}: nothing came\n`;
    case "changed": {
      const { events, snapshots } = context.stores;
      return `${name}\n${storeText("events", events)}${storeText("snapshots", snapshots)}`;
    }
  }
}

function divergedText(
  name: string,
  { timelines, branch, heads }: Extract<ContextDiff, { change: "diverged" }>,
): string {
  const where =
    branch === null ? "" : `  timeline ${branch.timeline} was left: ${printable(branch.reason)}\n`;
  const head = ({ before, after }: Heads): string =>
    `${headText(before.lastToken, before.exact)} before, ${headText(after.lastToken, after.exact)} after`;
  return (
    `${name}: THE HISTORY DIVERGED, from timeline ${timelines.before ?? 0} to ${timelines.after ?? 0}: nothing can be compared\n${where}` +
    `  last event: ${head(heads.events)}\n  last snapshot: ${head(heads.snapshots)}\n`
  );
}

function storeText(kind: "events" | "snapshots", store: StoreDiff): string {
  const { before, after, events, newBytes, files } = store;
  const count =
    events === null ? "an unknown number" : `${events < 0 ? "-" : "+"}${formatCount(Math.abs(events))}`;
  const tokens = `last token ${headText(before.lastToken, before.exact)} → ${headText(after.lastToken, after.exact)}`;
  const heading = `  ${kind}: ${count} (${tokens}), ${formatBytes(newBytes)} new\n`;
  if (files.length === 0) return heading;
  const rows = KINDS.flatMap((change) => {
    const changed = files.filter((file) => file.change === change);
    return [...changed.slice(0, SHOWN).map(fileRow), ...moreRow(changed.length - SHOWN, change)];
  });
  const table = formatTable([{ heading: "" }, { heading: "" }, { heading: "", align: "right" }], rows);
  // Without its empty line of headings.
  return heading + table.slice(table.indexOf("\n") + 1).replaceAll(/^(?=.)/gm, "    ");
}

/** In the order in which they are shown. */
const KINDS: readonly FileChangeKind[] = [
  "added",
  "closed",
  "opened",
  "grown",
  "replaced",
  "superseded",
  "removed",
];

function fileRow({ change, name, version, before, bytes }: FileChange): string[] {
  const what = change === "added" && version > 0 ? `added (version ${version})` : change;
  const size =
    before !== null && bytes !== null && before !== bytes
      ? `${formatBytes(before)} → ${formatBytes(bytes)}`
      : formatBytes(bytes ?? before ?? 0);
  return [what, name, size];
}

function moreRow(count: number, change: FileChangeKind): string[][] {
  return count > 0 ? [[change, `and ${plural(count, "more file")}`, ""]] : [];
}
