import { AxonServerError } from "@axon-backup/axon-server";
import { type BackupReport, EngineError } from "@axon-backup/core";
import { ConfigurationError } from "../config/problem.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import { SecretError } from "../secrets/secret-error.js";
import { Interrupted } from "./interrupted.js";
import { UsageError } from "./usage-error.js";

/** The one place where an error becomes an exit code. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Interrupted) return EXIT_CODES.interrupted;
  if (error instanceof UsageError) return EXIT_CODES.usage;
  if (error instanceof ConfigurationError || error instanceof SecretError) return EXIT_CODES.configuration;
  if (error instanceof AxonServerError && error.kind === "configuration") return EXIT_CODES.configuration;
  if (error instanceof EngineError) return EXIT_CODES[error.kind];
  return EXIT_CODES.failed;
}

/**
 * The exit code of work on several sinks, each with its outcome (undefined for success).
 * All failed in the same way: that way's code. Damage found anywhere is told before a mere failure elsewhere.
 */
export function exitCodeOfSinks(errors: readonly unknown[]): ExitCode {
  const failures = errors.filter((error) => error !== undefined);
  if (failures.length === 0) return EXIT_CODES.ok;
  const codes = new Set(failures.map(exitCodeOf));
  if (codes.has(EXIT_CODES.interrupted)) return EXIT_CODES.interrupted;
  if (failures.length < errors.length) return EXIT_CODES.partial;
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : EXIT_CODES.failed;
}

/** The exit code of a backup. That a history diverged is told once, and the next run would say again what failed: so it comes first. */
export function exitCodeOfBackup({ sinks }: Pick<BackupReport, "sinks">): ExitCode {
  if (sinks.some((sink) => sink.outcome === "committed" && sink.timelines.length > 0))
    return EXIT_CODES.diverged;
  return exitCodeOfSinks(sinks.map((sink) => (sink.outcome === "failed" ? sink.error : undefined)));
}
