import type { Lock } from "@axon-backup/core";
import { formatTime } from "../output/units.js";
import { COMMANDS } from "../views/unlock.js";
import { type CheckRow, ok, warning } from "./types.js";

const WHETHER_IT_LIVES = "`axon-backup unlock` tells whether it lives, and whether the lock may be removed.";

/** That somebody writes to the repository, if somebody may: a run that is dead is in nobody's way. */
export function lockRows(name: string, lock: Lock | undefined): readonly CheckRow[] {
  if (lock === undefined || lock.state === "dead") return [];
  const { holder, state } = lock;
  if (holder === null)
    return [
      warning(
        "lock",
        name,
        "somebody has the lock on the repository; writer.json on the sink can't be read, so it doesn't tell who. Backups end with exit code 6 while it is renewed",
        WHETHER_IT_LIVES,
      ),
    ];
  const { process, since, command } = holder;
  const what = command === undefined ? "" : `${COMMANDS[command]}, `;
  const who = `${what}process ${process.pid} on ${process.host}, has the lock on the repository since ${formatTime(new Date(since))}`;
  // As it should be: new events come all the time.
  if (command === "run" && state === "alive") return [ok("lock", name, who)];
  const lasts = `${who}: other runs that write to it end with exit code 6 while it is renewed`;
  return [
    warning(
      "lock",
      name,
      lasts,
      command === "run"
        ? `Nothing, if the service of that machine is to have this repository: only one agent writes to one. If it isn't, end it (systemctl stop axon-backup there), or give this one a path or prefix of its own. ${WHETHER_IT_LIVES}`
        : `Nothing, if it is under way. ${WHETHER_IT_LIVES}`,
    ),
  ];
}
