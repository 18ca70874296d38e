import { fstatSync } from "node:fs";
import type { LogConfiguration } from "../config/types.js";
import type { OutputStream } from "./streams.js";

type Level = LogConfiguration["level"];

/** Those of syslog. */
const PRIORITIES: Readonly<Record<Level, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

/** Whether a file descriptor is systemd's journal: systemd names that by its device and inode (systemd.exec(5), `$JOURNAL_STREAM`). */
export function isJournal(env: Readonly<Record<string, string | undefined>>, fd: number): boolean {
  const named = env["JOURNAL_STREAM"];
  if (named === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return named === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** `stream`, with each line's priority in front of it, as the journal takes it (sd-daemon(3)). */
export function withPriority(stream: OutputStream, level: Level): OutputStream {
  return { write: (text) => stream.write(text.replace(/^(?=[^\n])/gm, `<${PRIORITIES[level]}>`)) };
}
