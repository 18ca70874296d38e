import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { main } from "../dist/main.js";
import type { OutputStream, Streams } from "../dist/output/streams.js";

/** A stream that keeps what is written. */
export class MemoryStream implements OutputStream {
  text = "";

  constructor(
    readonly isTTY = false,
    readonly columns = 80,
  ) {}

  write(text: string): void {
    this.text += text;
  }
}

/** What a run of the command line did. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function run(argv: readonly string[], env: Streams["env"] = {}, tty = false): Promise<Run> {
  const stdout = new MemoryStream(tty);
  const stderr = new MemoryStream(tty);
  const code = await main(argv, { stdout, stderr, env });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** The one JSON document on standard output. */
export function json(result: Run): Record<string, unknown> {
  return JSON.parse(result.stdout) as Record<string, unknown>;
}

/** A temporary folder with these files. */
export function folder(files: Readonly<Record<string, string>> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), "axon-backup-agent-"));
  folders.push(directory);
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode: 0o600 });
  }
  return directory;
}

const folders: string[] = [];

/** Removes what `folder` made. For `afterEach`. */
export function removeFolders(): void {
  for (const directory of folders.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** The error that a promise rejects with, which must be of this class. */
export async function rejection<E extends Error>(
  promise: Promise<unknown>,
  type: abstract new (...args: never[]) => E,
): Promise<E> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof type) return error;
    throw error;
  }
  throw new Error("it did not reject");
}
