import type { CheckedContext, CheckRestoredReport } from "@axon-backup/core";
import { printable } from "../output/printable.js";
import { formatBytes, plural } from "../output/units.js";

export function checkRestoredJson(report: CheckRestoredReport): object {
  return { checkOnly: true, ...report };
}

export function checkRestoredText(report: CheckRestoredReport): string {
  const { target, restorePoint, sink, files, bytes, findings, contexts, notes } = report;
  const against = restorePoint === null ? "by itself" : `against ${restorePoint} of ${printable(sink ?? "")}`;
  const lines = [
    `checked ${printable(target)} ${against}: ${plural(files, "file")}, ${formatBytes(bytes)}`,
    ...contexts.map(contextLine),
    ...notes.map((note) => `note: ${printable(note)}`),
    ...findings.map(({ path, finding }) => `DAMAGED ${printable(path)} ${printable(finding)}`),
    findings.length === 0
      ? "Nothing is wrong with it."
      : `${plural(findings.length, "finding")}. Restore it again: --delta fetches what differs alone.`,
  ];
  return `${lines.join("\n")}\n`;
}

function contextLine({ name, events, snapshots }: CheckedContext): string {
  const last = (token: number | null, what: string): string =>
    token === null ? `no ${what}s` : `the last ${what} has token ${token}`;
  return `Context ${printable(name)}: ${last(events.lastToken, "event")}, ${last(snapshots.lastToken, "snapshot")}`;
}
