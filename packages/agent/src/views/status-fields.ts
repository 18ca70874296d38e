import {
  type ContextBehind,
  type RepositoryStatus,
  timeOf,
  type VerifiedRestorePoint,
} from "@axon-backup/core";
import { printable } from "../output/printable.js";
import { formatBytes, formatCount, formatDuration, plural } from "../output/units.js";
import type { SinkStatus } from "./status.js";
import { COMMANDS, STATES } from "./unlock.js";

/** Columns of the terminal that everybody has. */
const WIDTH = 80;

export type Field = readonly [name: string, value: string];

/** How a sink stands, for people. */
export function sinkFields({ status, behind }: SinkStatus, now: Date): readonly Field[] {
  if (status === undefined) return [["newest", "none: the sink is empty"]];
  const { restorePoints, newest, unreadable, size, verified, damaged, isUnfinished, lastFailure } = status;
  return [
    ["newest", newest ? `${newest.id}, ${ago(timeOf(newest.id), now)}` : "none"],
    ...headFields(status, now),
    ...(unreadable.length > 0
      ? [
          [
            "UNREADABLE",
            `${plural(unreadable.length, "newer restore point")}: ${unreadable.join(", ")}`,
          ] as const,
        ]
      : []),
    ...behindFields(behind),
    ["restore points", formatCount(restorePoints)],
    ["size", `${formatBytes(size.bytes)} in ${plural(size.objects, "object")}`],
    [
      "verified",
      verified.length === 0 ? "never" : verified.map((point) => verifiedText(point, now)).join("; "),
    ],
    ["damage", damageText(damaged)],
    ...timelineFields(status),
    ["writer", writerText(status, now)],
    ...(isUnfinished && status.lock === undefined
      ? [
          [
            "unfinished",
            "a run was cut off after it had stored something; the next one goes on with it",
          ] as const,
        ]
      : []),
    [
      "last failure",
      lastFailure === undefined
        ? "none since the newest restore point"
        : `${ago(new Date(lastFailure.failed), now)}, process ${lastFailure.process.pid} on ${lastFailure.process.host}: ${lastFailure.message}`,
    ],
  ];
}

/** What the continuous mode has stored since. */
function headFields({ head, headProblem }: RepositoryStatus, now: Date): readonly Field[] {
  if (headProblem) return [["HEAD", headProblem.message]];
  return head ? [["head", `${head.id}, ${ago(new Date(head.started), now)}`]] : [];
}

function behindFields(behind: readonly ContextBehind[] | undefined): readonly Field[] {
  if (behind === undefined) return [["behind", "not known"]];
  return behind.map((context, index) => [index === 0 ? "behind" : "", behindText(context)]);
}

function behindText({ context, events, snapshots, bytes, isCurrent, change }: ContextBehind): string {
  if (change !== undefined)
    return `${context}: the server's history is another one (${change.reason}); the next backup goes on in timeline ${change.timeline}`;
  if (isCurrent) return `${context}: nothing`;
  const count = (number: number | null, one: string): string =>
    number === null ? `an unknown number of ${one}s` : plural(number, one);
  return `${context}: ${count(events, "event")}, ${count(snapshots, "snapshot")}; a backup would store ${formatBytes(bytes)}`;
}

function verifiedText({ id, depth, verified }: VerifiedRestorePoint, now: Date): string {
  return `${id}, ${depth === "data" ? "every byte" : "objects"}, ${ago(new Date(verified), now)}`;
}

function damageText(damaged: RepositoryStatus["damaged"]): string {
  if (damaged.length === 0) return "none known";
  const more = damaged.length > 3 ? `, and ${damaged.length - 3} more` : "";
  return `${plural(damaged.length, "object")}: ${damaged.slice(0, 3).join(", ")}${more}`;
}

function timelineFields({ newest }: RepositoryStatus): readonly Field[] {
  const later = newest?.contexts.filter(({ timeline }) => timeline > 0) ?? [];
  if (later.length === 0) return [];
  return [["timelines", later.map(({ name, timeline }) => `${name} is in timeline ${timeline}`).join(", ")]];
}

function writerText({ lock }: RepositoryStatus, now: Date): string {
  if (lock === undefined) return "nobody";
  const { holder, state } = lock;
  if (holder === null) return `somebody: the lock can't be read; ${STATES[state]}`;
  const { process, since, renewed, command } = holder;
  const isOver = state === "dead" || state === "silent";
  const signs = `since ${ago(new Date(since), now)}, last sign ${ago(new Date(renewed), now)}`;
  return `${isOver ? "A RUN WAS CUT OFF: " : ""}${command ? `${COMMANDS[command]}, ` : ""}process ${process.pid} on ${process.host}, ${signs}: ${STATES[state]}`;
}

function ago(time: Date, now: Date): string {
  const milliseconds = now.getTime() - time.getTime();
  return milliseconds >= 0
    ? `${formatDuration(milliseconds)} ago`
    : `${formatDuration(-milliseconds)} ahead of this clock`;
}

/** Names and values, one below the other, values wrapped at the terminal's width. */
export function wrapped(fields: readonly Field[]): string {
  const indent = Math.max(...fields.map(([name]) => name.length)) + 2;
  return fields
    .map(([name, value]) => {
      const lines: string[] = [];
      for (const word of printable(value).split(" ")) {
        const last = lines.at(-1);
        if (last !== undefined && indent + last.length + 1 + word.length <= WIDTH)
          lines[lines.length - 1] = `${last} ${word}`;
        else lines.push(word);
      }
      return `${name.padEnd(indent)}${lines.join(`\n${" ".repeat(indent)}`)}\n`;
    })
    .join("");
}
