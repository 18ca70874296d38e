import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OpenContext, objectKey, type Sink, type Source } from "@axon-backup/sink";
import { type LocalOptions, plugin } from "@axon-backup/sink-local";

export const key = objectKey("contexts/default/events/00000000000000000000.events");

/** A sink in `dir`. */
export function open(
  dir: string,
  options: Partial<LocalOptions> = {},
  purpose: OpenContext["purpose"] = "write",
): Promise<Sink> {
  return plugin.open({ path: dir, ...options }, { name: "test", purpose });
}

/** Runs `body` with a new directory that is removed afterwards. */
export async function withDirectory(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "axon-backup-local-"));
  try {
    await body(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** What the promise rejects with. */
export async function caught(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("should have failed");
}

/** Temporary files below `dir`. */
export async function temporaries(dir: string): Promise<readonly string[]> {
  return (await readdir(dir, { recursive: true })).filter((name) => /(^|\/)\.tmp-/.test(name));
}

/** `count` chunks of `size` bytes, all of them this byte. */
export function filledSource(size: number, count: number, byte: number): Source {
  return {
    size: size * count,
    // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
    async *open() {
      const chunk = new Uint8Array(size).fill(byte);
      for (let index = 0; index < count; index++) yield chunk;
    },
  };
}

/** A source that gives `bytes` of its size, and then waits for the signal. */
export function stuckSource(size: number, bytes: Uint8Array, stuck: () => void): Source {
  return {
    size,
    async *open(signal) {
      yield bytes;
      stuck();
      await new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      });
    },
  };
}
