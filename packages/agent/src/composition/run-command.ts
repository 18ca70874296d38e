import "reflect-metadata";
import type { CommandRequest } from "../cli/request.js";
import { DEFAULT_LOG } from "../config/types.js";
import { exitCodeOf } from "../errors/exit-code-of.js";
import type { ExitCode } from "../exit-codes.js";
import { createOutput, type Output } from "../output/output.js";
import type { Streams } from "../output/streams.js";
import type { SignalDiverter } from "../process.js";
import type { Redactor } from "../secrets/redactor.js";
import { compose, composeWithoutConfiguration } from "./compose.js";
import { OUTPUT } from "./tokens.js";

/** What ends a command, and what means something to a service. */
export interface CommandSignals extends SignalDiverter {
  readonly signal: AbortSignal;
}

/** Composes and runs a command. Whatever goes wrong is printed, and becomes the exit code. */
export async function runCommand(
  request: CommandRequest,
  streams: Streams,
  redactor: Redactor,
  signals: CommandSignals,
): Promise<ExitCode> {
  const { signal } = signals;
  const environment = { globals: request.globals, streams, redactor, signal, signals };
  let output: Output = createOutput(request.globals, DEFAULT_LOG, streams);
  try {
    const container = request.needsConfiguration
      ? await compose(environment)
      : composeWithoutConfiguration(environment);
    output = container.resolve(OUTPUT);
    return await request.execute(container);
  } catch (error) {
    // Whatever failed because it was interrupted failed for that reason.
    const cause: unknown = signal.aborted ? signal.reason : error;
    output.fail(cause);
    return exitCodeOf(cause);
  } finally {
    output.end();
  }
}
