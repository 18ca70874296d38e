import type { Lock } from "@axon-backup/core";
import { type CheckRow, warning } from "./types.js";

/** That somebody writes to the repository, if somebody may: a run that is dead is in nobody's way. */
export function lockRows(name: string, lock: Lock | undefined): readonly CheckRow[] {
  if (lock === undefined || lock.state === "dead") return [];
  const { holder } = lock;
  const who =
    holder === null
      ? "somebody, writer.json on the sink doesn't tell who,"
      : `process ${holder.process.pid} on ${holder.process.host}, since ${holder.since},`;
  return [
    warning(
      "lock",
      name,
      `${who} has the lock on the repository: backups end with exit code 6 while it is renewed`,
      "Nothing, if that is the service, or a backup or prune that is under way. `axon-backup unlock` tells whether it lives, and whether it may be removed.",
    ),
  ];
}
