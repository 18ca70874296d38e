import { isSinkError } from "@axon-backup/sink";
import { ConfigurationError, type ConfigurationProblem } from "../config/problem.js";
import { PluginError } from "../plugins/plugin-error.js";
import { exitCodeOf } from "./exit-code-of.js";
import { Interrupted } from "./interrupted.js";

/** An error, taken apart for people and for `--json`. */
export interface ErrorDescription {
  /** What failed. */
  readonly message: string;
  /** Why, from the nearest cause to the first. */
  readonly causes: readonly string[];
  /** What the operator can do. */
  readonly remedy?: string;
  /** Each problem of a configuration. */
  readonly problems?: readonly ConfigurationProblem[];
  /** Where plugins failed, for `--verbose`. */
  readonly stacks?: readonly string[];
  readonly exitCode: number;
  /** Nobody foresaw it: a bug of ours, most likely. */
  readonly unexpected: boolean;
  readonly stack?: string;
}

const MAX_CAUSES = 8;

/** Takes `error` apart. */
export function describeError(error: unknown): ErrorDescription {
  const remedy = remedyOf(error);
  return {
    message: messageOf(error),
    causes: causesOf(error),
    ...(remedy === undefined ? {} : { remedy }),
    ...(error instanceof ConfigurationError ? problemsOf(error) : {}),
    ...(error instanceof PluginError && error.cause instanceof Error ? { stacks: stackOf(error.cause) } : {}),
    exitCode: exitCodeOf(error),
    unexpected: !isForeseen(error),
    ...(error instanceof Error && error.stack !== undefined ? { stack: error.stack } : {}),
  };
}

function stackOf({ stack }: Error): readonly string[] {
  return stack === undefined ? [] : [stack];
}

function problemsOf({ problems }: ConfigurationError): Pick<ErrorDescription, "problems" | "stacks"> {
  return {
    problems: problems.map(({ file, line, column, key, message }) => ({
      file,
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
      key,
      message,
    })),
    stacks: problems.flatMap(({ stack }) => stack ?? []),
  };
}

/** Our own errors carry a remedy; those of sinks and of the operating system (ENOENT, …) name their reason at least. */
function isForeseen(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error instanceof Interrupted ||
    isSinkError(error) ||
    "remedy" in error ||
    ("code" in error && "syscall" in error)
  );
}

function remedyOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth++)
    if ("remedy" in at && typeof at.remedy === "string" && at.remedy !== "") return at.remedy;
  return undefined;
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let at = error instanceof Error ? error.cause : undefined;
  while (at !== undefined && at !== null && causes.length < MAX_CAUSES) {
    const message = messageOf(at);
    const said = [messageOf(error), ...causes];
    if (!said.some((text) => text.includes(message)) && !isSaid(at, said)) causes.push(message);
    at = at instanceof Error ? at.cause : undefined;
  }
  return causes;
}

/** Whether this is the system's own error behind a message that tells it in words: `permission denied (EACCES)`. */
function isSaid(cause: unknown, said: readonly string[]): boolean {
  if (!(cause instanceof Error) || !("code" in cause) || !("syscall" in cause)) return false;
  return said.some((text) => text.includes(`(${String(cause.code)})`));
}

/** The message, on one line. An AggregateError without one (a connection tried at several addresses) gives those of its parts. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "")
    return [...new Set(error.errors.map(messageOf))].join("; ");
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s*\n\s*/g, " ").trim();
}
