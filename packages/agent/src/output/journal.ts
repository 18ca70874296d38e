import { fstatSync } from "node:fs";
import { PRIORITIES } from "./journal-entry.js";
import type { Log, LogLevel } from "./log.js";
import type { OutputStream } from "./streams.js";

/** What takes entries with fields. */
export interface Journal {
  /** Begins to take entries; until then it takes none. Resolves also when it never will. */
  open(env: Readonly<Record<string, string | undefined>>): Promise<void>;
  /** @returns whether it is on its way; if not, it has to be told elsewhere */
  send(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): boolean;
  /** Resolves when everything that was taken has been sent. */
  close(): Promise<void>;
}

/** `journal`, with `clean` applied to everything that it is given. */
export function cleanedJournal(journal: Journal, clean: (text: string) => string): Journal {
  return {
    open: (env) => journal.open(env),
    send: (level, message, fields) =>
      journal.send(level, clean(message), JSON.parse(clean(JSON.stringify(fields))) as typeof fields),
    close: () => journal.close(),
  };
}

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
export function withPriority(stream: OutputStream, level: LogLevel): OutputStream {
  return { write: (text) => stream.write(text.replace(/^(?=[^\n])/gm, `<${PRIORITIES[level]}>`)) };
}

/** The log as entries with fields; what the journal doesn't take goes to `otherwise`. */
export function journalLog(level: LogLevel, journal: Journal, otherwise: Log): Log {
  const least = PRIORITIES[level];
  const at =
    (name: LogLevel): Log[LogLevel] =>
    (message, fields = {}) => {
      if (PRIORITIES[name] > least) return;
      if (!journal.send(name, message, fields)) otherwise[name](message, fields);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
