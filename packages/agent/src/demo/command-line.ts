import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { PACKAGE_FOLDER } from "../installation.js";

const PROGRAM = fileURLToPath(new URL("bin/axon-backup.js", PACKAGE_FOLDER));

/** What a run printed, and its exit code. */
export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the real command line in a process of its own, as a user would.
 * Rejects with the signal's reason when aborted.
 */
export async function runCommandLine(
  argv: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<Result> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [PROGRAM, ...argv], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stop = () => child.kill("SIGTERM");
  signal.addEventListener("abort", stop);
  try {
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = (await once(child, "close")) as [number | null];
    const [stdout, stderr] = await output;
    signal.throwIfAborted();
    return { code, stdout, stderr };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
