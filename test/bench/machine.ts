import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

/** What was measured on. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly rclone: string | undefined;
  readonly restic: string | undefined;
  readonly fileSystem: string;
  /** Processes that wanted to run when it began: above 0.5 or so, others were at work too. */
  readonly load: number;
}

export function describeMachine(directory: string): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
    rclone: output("rclone", "version")?.split("\n")[0],
    restic: /^restic [\d.]+/.exec(output("restic", "version") ?? "")?.[0],
    fileSystem: output("df", "--output=fstype", directory)?.split("\n")[1] ?? "unknown",
    load: loadavg()[0] ?? 0,
  };
}

function output(command: string, ...args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return undefined;
  }
}
