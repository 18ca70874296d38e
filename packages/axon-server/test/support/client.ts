import { AxonServerClient, type AxonServerOptions } from "@axon-backup/axon-server";

import { type Reply, type SeenRequest, TestServer } from "./test-server.js";

/** A client of a server that answers as `reply` says, with retries that don't wait. */
export async function withClient(
  reply: (request: SeenRequest) => Reply,
  use: (client: AxonServerClient, server: TestServer) => Promise<void>,
  options: Partial<AxonServerOptions> = {},
): Promise<void> {
  await using server = await TestServer.start(reply);
  const client = new AxonServerClient({ url: server.url, retryDelay: 1, ...options });
  try {
    await use(client, server);
  } finally {
    await client.close();
  }
}
