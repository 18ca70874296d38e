import { type OpenContext, objectKey, type Sink } from "@axon-backup/sink";
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

/** Waits until `condition` holds; a test's own time-out ends it otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

export async function keysOf(sink: Sink, signal?: AbortSignal): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const object of sink.list("", signal && { signal })) keys.push(object.key);
  return keys;
}
