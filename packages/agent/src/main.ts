import { setImmediate } from "node:timers/promises";
import { parseCommandLine } from "./cli/program.js";
import { EXIT_CODES } from "./exit-codes.js";
import { watchHeap } from "./heap.js";
import { listenForSignals, watchStandardOutput } from "./process.js";
import { cleanedJournal } from "./output/journal.js";
import { cleanedStream, processStreams, type Streams } from "./output/streams.js";
import { Redactor } from "./secrets/redactor.js";

/**
 * The command line.
 * @param argv without the interpreter and the script
 * @returns the exit code, of `EXIT_CODES`
 */
export async function main(argv: readonly string[], streams: Streams = processStreams()): Promise<number> {
  const redactor = new Redactor();
  const redact = (text: string) => redactor.redact(text);
  const clean: Streams = {
    stdout: cleanedStream(streams.stdout, redact),
    stderr: cleanedStream(streams.stderr, redact),
    ...(streams.stdin && { stdin: streams.stdin }),
    ...(streams.journal && { journal: cleanedJournal(streams.journal, redact) }),
    env: streams.env,
  };
  using output = watchStandardOutput();
  using signals = listenForSignals();
  watchHeap();
  const request = await parseCommandLine(argv, clean);
  // Loaded when there is something to do: help and usage errors come at once.
  const code =
    typeof request === "number"
      ? request
      : await (await import("./composition/run-command.js")).runCommand(request, clean, redactor, signals);
  // The system's verdict on the last write comes a moment later.
  await setImmediate();
  if (output.error === undefined) return code;
  clean.stderr.write(
    `axon-backup: can't write the result to standard output\n  because: ${output.error.message}\n`,
  );
  return code === EXIT_CODES.ok ? EXIT_CODES.failed : code;
}
