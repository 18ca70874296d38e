import { readdir } from "node:fs/promises";
import { type OpenContext, objectKey, type Sink, type Source } from "@axon-backup/sink";
import { plugin, type SftpOptions } from "@axon-backup/sink-sftp";
import type { SshdServer } from "@axon-backup/test-servers";

export const key = objectKey("contexts/default/events/00000000000000000000.events");

/** The options for a server that is logged in to with its key. */
export function optionsFor(server: SshdServer, options: Partial<SftpOptions> = {}): SftpOptions {
  return {
    host: server.host,
    port: server.port,
    user: server.user,
    path: `${server.path}/sink`,
    private_key_file: server.clientKey,
    ...(options.host_key === undefined ? { known_hosts: server.knownHostsFile } : {}),
    ...options,
  };
}

export function open(
  server: SshdServer,
  options: Partial<SftpOptions> = {},
  purpose: OpenContext["purpose"] = "write",
): Promise<Sink> {
  return openWith(optionsFor(server, options), purpose);
}

export function openWith(options: SftpOptions, purpose: OpenContext["purpose"] = "write"): Promise<Sink> {
  return plugin.open(options, { name: "test", purpose });
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

/** Waits until `condition` holds; a test's own time-out ends it otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
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

export async function keysOf(sink: Sink): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const object of sink.list("")) keys.push(object.key);
  return keys;
}
