import { benchContinuous } from "./continuous/bench.js";
import { continuousReportText } from "./continuous/report.js";
import { Contests, type Contest } from "./contest.js";
import { measureFull } from "./full.js";
import { measureIncremental } from "./incremental.js";
import { describeMachine } from "./machine.js";
import { measureMemory } from "./memory.js";
import type { Operations } from "./operations.js";
import { type BenchOptions, parseOptions, USAGE } from "./options.js";
import { type BenchReport, reportText } from "./report.js";
import { measureStartup } from "./startup.js";
import { benchStorage } from "./storage/bench.js";
import { storageReportText } from "./storage/report.js";
import { measureVerify } from "./verify.js";
import { hasProgram, Workshop } from "./workshop.js";

async function bench(
  options: BenchOptions & { storage: undefined },
  signal: AbortSignal,
): Promise<BenchReport> {
  const { parts, rounds } = options;
  const machine = describeMachine(options.directory);
  const rclone = hasProgram("rclone", "version");
  if (!rclone) say("rclone isn't installed (apt-get install rclone): going on without it");
  const workshop = Workshop.open(options.directory, signal);
  try {
    const contests = new Contests(say, signal);
    const results: Contest[] = [];
    let operations: Operations | undefined;
    if (parts.includes("full")) results.push(...(await measureFull(workshop, contests, rounds, rclone)));
    if (parts.includes("incremental")) {
      const incremental = await measureIncremental(workshop, contests, rounds, rclone);
      results.push(...incremental.contests);
      operations = incremental.operations;
    }
    if (parts.includes("verify")) results.push(...(await measureVerify(workshop, contests, rounds)));
    if (parts.includes("memory")) results.push(...(await measureMemory(workshop, contests, rounds, rclone)));
    if (parts.includes("startup")) results.push(...(await measureStartup(contests, rounds)));
    return { machine, rounds, contests: results, operations };
  } finally {
    await workshop.close();
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const measurement = parseOptions(args);
  if (measurement === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (process.platform !== "linux") throw new Error("the benchmark reads /proc: it needs Linux");
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      interrupt.abort(new Error(`interrupted by ${signal}`));
    });
  const print = <Report>(report: Report, text: (report: Report) => string): void =>
    void process.stdout.write(
      measurement.options.json ? `${JSON.stringify(report, undefined, 2)}\n` : text(report),
    );
  if (measurement.kind === "continuous") {
    print(await benchContinuous(measurement.options, say, interrupt.signal), continuousReportText);
    return 0;
  }
  const { options } = measurement;
  if (options.storage === undefined) print(await bench(options, interrupt.signal), reportText);
  else print(await benchStorage(options, say, interrupt.signal), storageReportText);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
