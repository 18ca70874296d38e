import { parseOptions, USAGE } from "./options.js";
import { soakReportText } from "./report.js";
import { soak } from "./soak.js";

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (process.platform !== "linux") throw new Error("the soak reads /proc: it needs Linux");
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      interrupt.abort(new Error(`interrupted by ${signal}`));
    });
  const report = await soak(options, say, interrupt.signal);
  process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : soakReportText(report));
  return report.problems.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(`soak: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
