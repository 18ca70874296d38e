import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** What a process took, from its start to its end. */
export interface Usage {
  readonly seconds: number;
  /** Processor time, of the user and of the system, in steps of 0.01. */
  readonly cpuSeconds: number;
  /** The largest resident memory, in bytes, as last seen before its end. */
  readonly peakBytes: number;
}

/** How often a process's memory is looked at. The kernel keeps the maximum: only what a process needs in its very last moments is missed. */
const LOOK_MS = 10;
/** Linux gives times to user space in hundredths of a second, whatever it counts in. */
const TICKS_PER_SECOND = 100;

/**
 * This process's environment, without what sets Node up otherwise than an installed service has it: NODE_EXTRA_CA_CERTS, say, makes each start read a
 * file of certificates.
 */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(NODE|npm|UV)_/.test(name)),
);

/** Runs a command to its end. @param env beside `environment`. @throws Error with what it said, unless it ends with 0 */
export async function measure(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  env: Readonly<Record<string, string>> = {},
): Promise<Usage> {
  const before = childTicks();
  const start = performance.now();
  const child = spawn(command, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...environment, ...env },
    signal,
  });
  let peakBytes = 0;
  const look = setInterval(() => {
    if (child.pid !== undefined) peakBytes = Math.max(peakBytes, highWaterMark(child.pid));
  }, LOOK_MS);
  try {
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4000);
    });
    const code = await new Promise<number | string>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (exitCode, killedBy) => {
        resolve(exitCode ?? killedBy ?? "?");
      });
    });
    const seconds = (performance.now() - start) / 1000;
    if (code !== 0) throw new Error(`${[command, ...args].join(" ")} ended with ${code}:\n${said}`);
    return { seconds, cpuSeconds: (childTicks() - before) / TICKS_PER_SECOND, peakBytes };
  } finally {
    clearInterval(look);
  }
}

/** Bytes; 0 when the process is gone. */
function highWaterMark(pid: number): number {
  try {
    const [, kibibytes = "0"] =
      /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
    return Number(kibibytes) * 1024;
  } catch {
    return 0;
  }
}

/** Processor time of this process's children that have ended: fields 16 and 17 of /proc/self/stat (proc_pid_stat(5)). */
function childTicks(): number {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[13]) + Number(fields[14]);
}
