import type { EngineEvent, Observer } from "@axon-backup/core";
import type { LogConfiguration } from "../config/types.js";
import { describeError } from "../errors/describe-error.js";
import { EXIT_CODES } from "../exit-codes.js";
import { journalLog, withPriority } from "./journal.js";
import { jsonLog, type Log, type LogLevel, textLog } from "./log.js";
import { ProgressDisplay } from "./progress-display.js";
import { errorJson, errorText } from "./report-error.js";
import type { OutputStream, Streams } from "./streams.js";

/** How much a command says, and in which form. */
export interface OutputOptions {
  /** Results as one JSON document. */
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** A command's result, for programs and for people. */
export interface CommandResult {
  readonly json: object;
  /** Ends with a line break. */
  readonly text: string;
}

/**
 * Where everything goes that a command has to say: results to standard output, progress and logs to standard error.
 */
export interface Output {
  /** Prints the result. Once. */
  result(result: CommandResult): void;
  /** Tells of an error to standard error; of one sink, if it is named. */
  problem(error: unknown, sink?: string): void;
  /** Ends the command with an error: tells of it, and makes it the `--json` result when there is none yet. */
  fail(error: unknown): void;
  readonly log: Log;
  /** Shows the engine's events: as progress on a terminal, as log lines elsewhere. */
  readonly observer: Observer;
  /** Takes the progress off the terminal. */
  end(): void;
}

/** The output for streams that are clean already: secrets are taken out before. */
export function createOutput(options: OutputOptions, log: LogConfiguration, streams: Streams): Output {
  const { stdout, stderr } = streams;
  const display = showsProgress(options, log, streams) ? new ProgressDisplay(stderr) : undefined;
  const level = levelOf(options, log);
  const logStream: OutputStream = display
    ? {
        write: (text) => {
          display.around(() => stderr.write(text));
        },
      }
    : stderr;
  const streamOf = (of: LogLevel): OutputStream =>
    streams.journal ? withPriority(logStream, of) : logStream;
  const plain = usesJsonLog(log, streams) ? jsonLog(level, streamOf) : textLog(level, streamOf);
  const lines = streams.journal && log.format === "auto" ? journalLog(level, streams.journal, plain) : plain;
  let printed = false;
  const result = ({ json, text }: CommandResult) => {
    display?.end();
    printed = true;
    stdout.write(options.json ? `${JSON.stringify(json, undefined, 2)}\n` : text);
  };
  const problem = (error: unknown, sink?: string) => {
    const description = describeError(error);
    // Whoever typed the command or wrote the configuration reads these, wherever they go.
    const personal =
      description.exitCode === EXIT_CODES.usage || description.exitCode === EXIT_CODES.configuration;
    if (usesJsonLog(log, streams) && !personal) {
      const { message, ...fields } = errorJson(description);
      const stack = description.unexpected ? { stack: description.stack } : {};
      lines.error(message, { ...fields, ...stack, ...(sink === undefined ? {} : { sink }) });
    } else streamOf("error").write(errorText(description, options.verbose, sink));
  };
  return {
    result,
    problem,
    fail(error) {
      display?.end();
      problem(error);
      if (options.json && !printed) result({ json: { error: errorJson(describeError(error)) }, text: "" });
    },
    log: lines,
    observer(event) {
      display?.observe(event);
      logEvent(lines, event, display !== undefined);
    },
    end() {
      display?.end();
    },
  };
}

/** Whether logs are JSON lines: on a terminal, text is for people. */
export function usesJsonLog(log: LogConfiguration, { stderr }: Streams): boolean {
  return log.format === "json" || (log.format === "auto" && stderr.isTTY !== true);
}

function levelOf(options: OutputOptions, log: LogConfiguration): LogLevel {
  if (options.verbose) return "debug";
  return options.quiet && log.level !== "error" ? "warn" : log.level;
}

/** Drawing over lines needs a terminal that can, and logs that aren't meant for a program. */
function showsProgress(options: OutputOptions, log: LogConfiguration, streams: Streams): boolean {
  const { stderr, env } = streams;
  return !options.quiet && stderr.isTTY === true && env["TERM"] !== "dumb" && !usesJsonLog(log, streams);
}

/** The engine's events as log lines. Steps are on the terminal already when progress is. */
function logEvent(log: Log, event: EngineEvent, shown: boolean): void {
  const sink = event.sink === undefined ? {} : { sink: event.sink };
  switch (event.kind) {
    case "warning":
      log.warn(event.message, sink);
      return;
    case "committed":
      log.info(`committed restore point ${event.restorePoint}`, {
        ...sink,
        restorePoint: event.restorePoint,
      });
      return;
    // The warning beside it says more.
    case "promoted":
      log.debug(`promoted to restore point ${event.restorePoint}`, sink);
      return;
    case "step":
      (shown ? log.debug : log.info)(`step: ${event.step}`, { ...sink, step: event.step });
      return;
    case "work":
      log.debug("work", { ...sink, objects: event.objects, bytes: event.bytes });
      return;
    case "object":
      // In this order, because there are many: see docs/performance.md.
      log.debug(`${event.what} ${event.key}`, {
        key: event.key,
        bytes: event.bytes,
        what: event.what,
        ...sink,
      });
      return;
    case "bytes":
      return;
  }
}
