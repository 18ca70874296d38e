import { AxonServerClient, AxonServerSource, type AxonServerSourceOptions } from "@axon-backup/axon-server";

import { identityReply, type Reply, type SeenRequest, TestServer } from "./test-server.js";

/** How a test's server lists, and what the source is told. */
export interface SourceSetup extends Omit<AxonServerSourceOptions, "client"> {
  readonly contexts?: readonly string[];
  /** What `/v1/backup/eventstore` lists; a server without that call, if not given. */
  readonly eventstore?: (request: SeenRequest) => Reply;
  readonly filenames?: (request: SeenRequest) => readonly string[];
  readonly controlDb?: string;
  /** What `/v1/backup/log/filenames` lists; an SE, if not given. */
  readonly logs?: (group: string) => readonly string[];
}

/** A source on a server that is what `setup` says. */
export async function withSource(
  setup: SourceSetup,
  use: (source: AxonServerSource, server: TestServer) => Promise<void>,
): Promise<void> {
  const { contexts, eventstore, filenames, controlDb, logs, ...options } = setup;
  const reply = (request: SeenRequest): Reply => {
    const identity = identityReply(request, contexts);
    if (identity !== undefined) return identity;
    const path = request.url.split("?")[0];
    if (path === "/v1/backup/eventstore" && eventstore !== undefined) return eventstore(request);
    if (path === "/v1/backup/filenames" && filenames !== undefined) return { json: filenames(request) };
    if (path === "/v1/backup/log/filenames" && logs !== undefined)
      return { json: logs(new URL(request.url, "http://localhost").searchParams.get("context") ?? "") };
    if (path === "/createControlDbBackup" && controlDb !== undefined) return { body: controlDb };
    return { status: 404, json: {} };
  };
  await using server = await TestServer.start(reply);
  const source = new AxonServerSource({
    ...options,
    client: new AxonServerClient({ url: server.url, retryDelay: 1 }),
  });
  try {
    await use(source, server);
  } finally {
    await source.close();
  }
}

/** A segment's file name. */
export const segmentFile = (segment: number, extension = "events"): string =>
  `${String(segment).padStart(20, "0")}.${extension}`;

/** An answer of `eventstore` in which everything is open. */
export const allOpen = (filenames: readonly string[]) => (): Reply => ({
  json: { lastClosedSegment: -1, filenames },
});
