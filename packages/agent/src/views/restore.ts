import type { RestoredContext, RestoredStore, RestoreReport } from "@axon-backup/core";
import { printable } from "../output/printable.js";
import { formatTable } from "../output/table.js";
import { formatBytes, formatCount, formatTime, plural } from "../output/units.js";
import { headText } from "./manifest.js";

export function restoreJson(sink: string, report: RestoreReport): object {
  return {
    sink,
    restorePoint: report.restorePoint,
    target: report.target,
    controlDb: report.controlDb,
    contexts: report.contexts,
    contextsLeftOut: report.contextsLeftOut,
    files: report.files,
    bytes: report.bytes,
    warnings: report.warnings,
    settings: settings(report.target),
  };
}

/** What Axon Server's configuration needs, to start from the directory. */
function settings(target: string): Readonly<Record<string, string>> {
  return {
    "axoniq.axonserver.event.storage": target,
    "axoniq.axonserver.snapshot.storage": target,
    "axoniq.axonserver.controldb-path": target,
  };
}

export function restoreText(sink: string, report: RestoreReport): string {
  const { target, restorePoint, files, bytes } = report;
  const summary = `restored ${restorePoint} from ${printable(sink)} to ${printable(target)}: ${plural(files, "file")}, ${formatBytes(bytes)}\n`;
  const table = formatTable(
    [
      { heading: "CONTEXT" },
      { heading: "STORE" },
      { heading: "LAST TOKEN", align: "right" },
      { heading: "WRITTEN" },
      { heading: "CUT OFF", align: "right" },
    ],
    report.contexts.flatMap((context) => [storeRow(context, "events"), storeRow(context, "snapshots")]),
  );
  return [summary, table, nextSteps(report)].join("\n");
}

function storeRow(context: RestoredContext, kind: "events" | "snapshots"): string[] {
  const store: RestoredStore = context[kind];
  const written = store.lastTimestamp === null ? "" : formatTime(store.lastTimestamp);
  return [context.name, kind, headText(store.lastToken, store.lastTokenExact), written, droppedText(store)];
}

function droppedText({ dropped, droppedExact }: RestoredStore): string {
  if (!droppedExact) return dropped === 0 ? "unknown" : `at least ${formatCount(dropped)}`;
  return dropped === 0 ? "-" : formatCount(dropped);
}

/** What the operator must know of a context's head. */
function headStep({ name, events }: RestoredContext): string {
  const { lastToken, lastTokenExact } = events;
  const trackers =
    "Applications that keep tracking tokens of their own must not be beyond it: reset those that are, or their processors stand still.";
  return lastTokenExact
    ? `Context ${name}: the last event has token ${headText(lastToken, true)}. ${trackers}`
    : `Context ${name}: which token the last event has can't be told${lastToken === null ? "" : `, but ${lastToken} is the least`}: its last segment is of a format that this version doesn't know. Look at the server once it has started. ${trackers}`;
}

/** What is left to do for the operator. */
function nextSteps(report: RestoreReport): string {
  const { target, controlDb, contextsLeftOut } = report;
  const steps = [
    `Give the files to the user that Axon Server runs as: chown -R axonserver: ${shellQuoted(target)}`,
    `Set in axonserver.properties:\n${Object.entries(settings(target))
      .map(([key, value]) => `       ${key}=${printable(value)}`)
      .join("\n")}`,
    "Start Axon Server. It rebuilds index files that are missing; with a large store, that takes a while.",
    ...report.contexts.map(headStep),
  ];
  const notes = [
    `The control DB (contexts, users, settings) is as of ${formatTime(controlDb.made)}.`,
    ...contextsLeftOut.map(
      (name) => `Context ${name} was not restored. The control DB knows it: the server makes it anew, empty.`,
    ),
  ];
  return `Next steps\n${steps.map((step, i) => `  ${i + 1}. ${step}\n`).join("")}\n${notes.map((note) => `${note}\n`).join("")}`;
}

function shellQuoted(path: string): string {
  // As a shell reads it and a terminal can show it.
  if (printable(path) !== path) return ansiQuoted(path);
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** `$'…'`, as bash and zsh read it: every byte that isn't plain ASCII as an escape. */
function ansiQuoted(path: string): string {
  const bytes = Array.from(Buffer.from(path), (byte) => {
    const char = String.fromCharCode(byte);
    return /[\w./ -]/.test(char) ? char : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `$'${bytes.join("")}'`;
}
