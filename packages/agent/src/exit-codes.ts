/**
 * What the process ends with. Scripts rely on these numbers: they never change, and a number that is given up is never used again.
 * `docs/exit-codes.md` explains each.
 */
export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  partial: 4,
  damage: 5,
  locked: 6,
  diverged: 7,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof EXIT_CODES;
export type ExitCode = (typeof EXIT_CODES)[ExitName];

/** One line each, for `--help`. */
export const EXIT_MEANINGS: Readonly<Record<ExitName, string>> = {
  ok: "done",
  failed: "failed",
  usage: "wrong usage",
  configuration: "configuration is wrong or missing",
  partial: "some sinks failed, the others succeeded",
  damage: "damage found",
  locked: "locked by another agent",
  diverged: "the server's history is not the one that was backed up: a new timeline was begun",
  interrupted: "interrupted (SIGINT, SIGTERM or SIGHUP)",
};

/** The table as text, for `--help`. */
export function exitCodesHelp(): string {
  const names = Object.keys(EXIT_CODES) as ExitName[];
  return names.map((name) => `  ${String(EXIT_CODES[name]).padEnd(4)} ${EXIT_MEANINGS[name]}`).join("\n");
}
