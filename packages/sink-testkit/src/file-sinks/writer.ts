import { ok } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type ObjectKey, readAll, type Sink } from "@axon-backup/sink";
import { filledSource, stuckSource } from "../sources.js";

/** Bytes that `extend` keeps, and of a put without its number: see `writeUntilKilled`. */
export const KEPT_BYTES = 100_000;
const CHUNKS = 3;
const STUCK_BYTES = 5_000_000;

/** What a writer does: one put after the other, one extend after the other, or one put that stops in its middle. */
export type WriterMode = "put" | "extend" | "stuck";

/**
 * The work of a process that is to be killed. Each object that it puts has bytes of one value alone, and a size that tells which. A line is printed for each, and when
 * it is stuck.
 */
export async function writeUntilKilled(sink: Sink, key: ObjectKey, mode: WriterMode): Promise<never> {
  if (mode === "stuck") {
    // Keeps the process alive: a promise alone doesn't.
    setInterval(() => undefined, 1000);
    const begun = new Uint8Array(STUCK_BYTES).fill(1);
    await sink.put(
      key,
      stuckSource(2 * STUCK_BYTES, begun, () => {
        process.stdout.write("stuck\n");
      }),
    );
  }
  for (let turn = 0; ; turn++) {
    const byte = 1 + (turn % 250);
    if (mode === "put") await sink.put(key, filledSource(KEPT_BYTES + byte, CHUNKS, byte));
    else await sink.extend?.(key, KEPT_BYTES, filledSource(KEPT_BYTES / 2 + byte, CHUNKS, byte));
    process.stdout.write(`${byte}\n`);
  }
}

/** Throws unless the object is one that a writer has put, whole. */
export async function requireWholePut(sink: Sink, key: ObjectKey): Promise<void> {
  const bytes = await readAll(sink.get(key));
  const [byte = 0] = bytes;
  ok(
    bytes.byteLength === CHUNKS * (KEPT_BYTES + byte),
    `it has ${bytes.byteLength} bytes, the first is ${byte}`,
  );
  ok(
    bytes.every((other) => other === byte),
    "it is a mixture of two objects",
  );
}

/** A process that writes. */
export interface Writer {
  /** Waits for so many more lines of it, and then a random time up to `milliseconds`: so that a kill meets every step. */
  work(lines: number, milliseconds: number): Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
}

/** Starts a script that calls `writeUntilKilled`, and resolves when it is in the middle of its work. */
export async function startWriter(script: string, ...args: readonly string[]): Promise<Writer> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const { stdout } = child;
  await Promise.race([
    once(stdout, "data"),
    once(child, "exit").then(([code]) => {
      throw new Error(`the writer ended with ${String(code)}`);
    }),
  ]);
  return {
    async work(lines, milliseconds) {
      for (let line = 0; line < lines; line++) await once(stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, Math.random() * milliseconds));
    },
    async kill() {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}
