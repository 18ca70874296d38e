import type { Lock } from "@axon-backup/core";
import { formatFields } from "../output/table.js";
import { formatDuration, formatTime } from "../output/units.js";

export function unlockJson(sink: string, lock: Lock | undefined, removed: boolean): object {
  return { sink, lock: lock === undefined ? null : lockJson(lock), removed };
}

export function lockJson({ holder, modified, state }: Lock): object {
  return {
    host: holder?.process.host ?? null,
    pid: holder?.process.pid ?? null,
    agent: holder?.agent ?? null,
    command: holder?.command ?? null,
    since: holder?.since ?? null,
    renewed: holder?.renewed ?? null,
    written: modified?.toISOString() ?? null,
    state,
  };
}

export function unlockText(sink: string, lock: Lock | undefined, removed: boolean, now: Date): string {
  if (lock === undefined) return `sink ${sink}: not locked\n`;
  return removed ? `${fieldsText(sink, lock, now)}\nThe lock is removed.\n` : fieldsText(sink, lock, now);
}

/** Who holds a lock, what that means, and what removing it does. */
export function lockText(sink: string, lock: Lock, now: Date): string {
  return `${fieldsText(sink, lock, now)}\n${MEANINGS[lock.state]}\n\n${REMOVING}\n`;
}

function fieldsText(sink: string, { holder, modified, state }: Lock, now: Date): string {
  return formatFields([
    ["sink", sink],
    [
      "locked by",
      holder ? `process ${holder.process.pid} on ${holder.process.host}` : "unknown: the lock can't be read",
    ],
    ...(holder
      ? ([
          ["agent", holder.agent],
          ...(holder.command ? ([["command", COMMANDS[holder.command]]] as const) : []),
          ["since", momentText(new Date(holder.since), now)],
          ["last sign", momentText(new Date(holder.renewed), now)],
        ] as const)
      : []),
    ...(modified ? ([["written", momentText(modified, now)]] as const) : []),
    ["state", STATES[state]],
  ]);
}

function momentText(time: Date, now: Date): string {
  const ago = now.getTime() - time.getTime();
  return `${formatTime(time)} (${ago >= 0 ? `${formatDuration(ago)} ago` : "in the future, by this clock"})`;
}

/** What the holder of a lock does, as it was started. */
export const COMMANDS: Readonly<Record<NonNullable<NonNullable<Lock["holder"]>["command"]>, string>> = {
  backup: "axon-backup backup",
  prune: "axon-backup prune",
  run: "axon-backup run (the service)",
};

/** In a few words. */
export const STATES: Readonly<Record<Lock["state"], string>> = {
  alive: "the process runs, on this machine",
  renewing: "the process runs, on another machine",
  dead: "the process is dead",
  silent: "no sign of life for longer than a lock lasts",
  unknown: "not known: it runs on another machine, or did",
};

const MEANINGS: Readonly<Record<Lock["state"], string>> = {
  alive: "A backup is running. Wait for its end, or stop that process: it removes the lock itself.",
  renewing: "A backup is running there. Wait for its end, or stop that process: it removes the lock itself.",
  dead: "The run was killed, or its machine was. The next backup takes the lock over at once:\nthere is no need to remove it.",
  silent:
    "A run says every 20 s that it lives, and this one doesn't. It is dead, or its machine is\nsuspended or cut off. The next backup watches the lock for a minute, and takes it over.",
  unknown: "The next backup watches the lock for a minute, and takes it over if nothing moves.",
};

const REMOVING =
  "Removing it lets the next backup begin at once. Should the run live after all, it notices before\nit changes anything, and ends without a restore point; no restore point is harmed.";
