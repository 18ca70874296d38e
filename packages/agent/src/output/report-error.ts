import { type ConfigurationProblem, problemText } from "../config/problem.js";
import type { ErrorDescription } from "../errors/describe-error.js";
import { printable } from "./printable.js";

/**
 * An error for people:
 *
 * ```
 * axon-backup: can't reach http://localhost:8024
 *   because: connect ECONNREFUSED 127.0.0.1:8024
 *   → Start the server, or correct server.url.
 * ```
 */
export function errorText(error: ErrorDescription, verbose: boolean, sink?: string): string {
  const about = sink === undefined ? "axon-backup" : `axon-backup: sink ${printable(sink)}`;
  const lines = [`${about}: ${printable(error.message)}`];
  for (const problem of error.problems ?? []) lines.push(`  ${printable(problemText(problem))}`);
  for (const cause of error.causes) lines.push(`  because: ${printable(cause)}`);
  if (error.remedy !== undefined) lines.push(`  → ${printable(error.remedy)}`);
  if (verbose) lines.push(...(error.stacks ?? []));
  if (error.unexpected) {
    if (verbose && error.stack !== undefined) lines.push(error.stack);
    lines.push(
      verbose
        ? "  This was not foreseen. Please report it, with the lines above."
        : "  This was not foreseen. Run it again with --verbose and report what it prints.",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** The shape of an error in JSON. */
export interface ErrorJson {
  readonly message: string;
  readonly causes: readonly string[];
  readonly remedy: string | null;
  readonly exitCode: number;
  readonly problems?: readonly ConfigurationProblem[];
}

/** An error for programs: the value of `error` in `--json`, and the fields of a log line. */
export function errorJson(error: ErrorDescription): ErrorJson {
  return {
    message: error.message,
    causes: error.causes,
    remedy: error.remedy ?? null,
    exitCode: error.exitCode,
    ...(error.problems ? { problems: error.problems } : {}),
  };
}
