import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Secret } from "@axon-backup/sink";
import { plugin } from "@axon-backup/sink-azure";
import { type AzuriteServer, startAzurite } from "@axon-backup/test-servers";
import { type Place, rcloneRemote, type Storage } from "./model.js";

export const azure: Storage = {
  type: "azure",
  leftOut:
    "restic is left out: it reaches https://ACCOUNT.blob.SUFFIX alone, and Azurite is at http://127.0.0.1:PORT/ACCOUNT.",
  async start(directory) {
    const server = await startAzurite({ account: "development" });
    return {
      description: "Azurite, over HTTP",
      port: server.port,
      directory: server.directory,
      http: true,
      async newPlace(container) {
        await server.createContainer(container);
        return place(server, container, directory);
      },
      close: () => server.close(),
    };
  },
};

async function place(server: AzuriteServer, container: string, directory: string): Promise<Place> {
  const { accountName, accountKey, blobEndpoint } = server;
  const keyFile = join(directory, `${container}.secret`);
  await writeFile(keyFile, `${accountKey}\n`, { mode: 0o600 });
  const endpoint = (port = server.port): string => blobEndpoint.replace(`:${server.port}/`, `:${port}/`);
  return {
    yaml: (port) => [
      "type: azure",
      `container: ${container}`,
      `account: ${accountName}`,
      `account_key: {file: ${keyFile}}`,
      `endpoint: ${endpoint(port)}`,
    ],
    rclone: (port) =>
      rcloneRemote(container, {
        TYPE: "azureblob",
        // Its one way to an endpoint of http, and with it to one account alone.
        USE_EMULATOR: "true",
        ENDPOINT: endpoint(port),
      }),
    open: (purpose, port) =>
      plugin.open(
        { container, account: accountName, account_key: new Secret(accountKey), endpoint: endpoint(port) },
        { name: "bench", purpose },
      ),
  };
}
