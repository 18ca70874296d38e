import { spawn } from "node:child_process";
import { binary } from "../support/scene.js";

/** How a command ended. */
export interface Done {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that takes longer hangs, in milliseconds. */
const PATIENCE_MS = 600_000;

/** Runs `axon-backup` to its end, as a user would. */
export async function axonBackup(
  config: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Done> {
  const child = spawn(process.execPath, [binary, "--config", config, "--quiet", ...args], {
    env: commandEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    killSignal: "SIGKILL",
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", (error) => {
      reject(new Error(`axon-backup ${args.join(" ")}: ${error.message}`, { cause: error }));
    });
    child.on("close", (code) => {
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
  });
}

/** This process's, without what npm and Node put into it. */
export function commandEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(NODE|npm)_/.test(name));
  return { ...Object.fromEntries(own), NO_COLOR: "1" };
}
