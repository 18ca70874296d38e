import type { RestoredContext, RestoredControlDb, RestoredStore, RestoreReport } from "@axon-backup/core";
import { printable } from "../output/printable.js";
import { formatBytes, formatCount, formatDuration, formatTime, plural } from "../output/units.js";
import { shellQuoted } from "./shell-quoted.js";

export function restoreJson(report: RestoreReport): object {
  return {
    sink: report.sink,
    restorePoint: report.restorePoint,
    isHead: report.isHead,
    target: report.target,
    controlDb: report.controlDb,
    contexts: report.contexts,
    contextsLeftOut: report.contextsLeftOut,
    files: report.files,
    bytes: report.bytes,
    kept: report.kept,
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

/** What is needed at night: ten lines for one context. */
export function restoreText(report: RestoreReport): string {
  const { sink, target, files, bytes, kept, contexts } = report;
  const lines = [
    `restored ${pointText(report)} from ${printable(sink)} to ${printable(target)}: ${plural(files, "file")}, ${formatBytes(bytes)}${kept.files === 0 ? "" : `, of which ${formatCount(kept.files)} with ${formatBytes(kept.bytes)} were there already`}`,
    ...contexts.map(contextLine),
    controlDbLine(report.controlDb, contexts),
    ...report.contextsLeftOut.map(leftOutLine),
    "",
    `Give the files to the user that Axon Server runs as: chown -R axonserver: ${shellQuoted(target)}`,
    "Set in axonserver.properties, then start it; it rebuilds index files that are missing, which takes a while in a large store:",
    ...Object.entries(settings(target)).map(([key, value]) => `  ${key}=${printable(value)}`),
    `Tracking processors whose tokens are kept elsewhere (JPA, JDBC, MongoDB): reset those that are beyond the last event, or they stand still.`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The restore point, and whether it is one. */
export function pointText({ restorePoint, isHead }: Pick<RestoreReport, "restorePoint" | "isHead">): string {
  return isHead ? `${restorePoint} (the head)` : restorePoint;
}

function contextLine({ name, events, snapshots }: RestoredContext): string {
  return `Context ${name}: ${headText(events)}${cutText(events, snapshots)}`;
}

/** The head, as far as it is known. */
export function headText({
  lastToken,
  lastTokenExact,
  lastTimestamp,
}: Pick<RestoredStore, "lastToken" | "lastTokenExact" | "lastTimestamp">): string {
  if (!lastTokenExact)
    return `which token the last event has can't be told${lastToken === null ? "" : `, but ${lastToken} is the least`}: its last segment is of a format that this version doesn't know`;
  if (lastToken === null) return "no events";
  return `the last event has token ${lastToken}${lastTimestamp === null ? "" : `, of ${formatTime(lastTimestamp)}`}`;
}

function cutText(events: RestoredStore, snapshots: RestoredStore): string {
  const parts = [countText(events, "event"), countText(snapshots, "snapshot")].filter((part) => part !== "");
  return parts.length === 0 ? "" : `; cut off: ${parts.join(", ")}`;
}

/** How many were cut off; empty for none. */
export function countText(
  { dropped, droppedExact }: Pick<RestoredStore, "dropped" | "droppedExact">,
  one: string,
): string {
  if (!droppedExact)
    return dropped === 0 ? `${one}s, it is unknown how many` : `at least ${plural(dropped, one)}`;
  return dropped === 0 ? "" : `${formatCount(dropped)} ${dropped === 1 ? one : `${one}s`}`;
}

/** The control DB, and how far it is from the last event. */
export function controlDbLine(
  { restorePoint, made }: Pick<RestoredControlDb, "restorePoint" | "made">,
  contexts: readonly { readonly events: Pick<RestoredStore, "lastTimestamp"> }[],
): string {
  const times = contexts.flatMap(({ events }) => events.lastTimestamp?.getTime() ?? []);
  const distance = times.length === 0 ? undefined : made.getTime() - Math.max(...times);
  const where =
    distance === undefined
      ? ""
      : `, ${formatDuration(Math.abs(distance))} ${distance < 0 ? "before" : "after"} the last event`;
  return `Control DB (contexts, users, settings): of ${formatTime(made)}${where}; from restore point ${restorePoint}`;
}

/** What becomes of a context that isn't restored. */
export function leftOutLine(name: string): string {
  return `Context ${name}: not restored; the control DB knows it, and the server makes it anew, empty`;
}
