import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Secret } from "@axon-backup/sink";
import { plugin } from "@axon-backup/sink-azure";
import { type AzuriteServer, startAzurite } from "@axon-backup/test-servers";
import { flipBitByPut, newName, type Place, type Storage, versionsBySink } from "./storage.js";

const PREFIX = "axon/main";

export const azure: Storage = {
  type: "azure",
  server: "azurite",
  async start() {
    const server = await startAzurite();
    return {
      host: server.host,
      port: server.port,
      newPlace: (directory) => newPlace(server, directory),
      restart: (options) => server.restart(options),
      close: () => server.close(),
    };
  },
};

async function newPlace(server: AzuriteServer, directory: string): Promise<Place> {
  const { accountName, accountKey, blobEndpoint, port } = server;
  const container = newName();
  await server.createContainer(container);
  const keyFile = join(directory, `${container}.secret`);
  writeFileSync(keyFile, `${accountKey}\n`, { mode: 0o600 });
  const open: Place["open"] = (purpose) =>
    plugin.open(
      {
        container,
        prefix: PREFIX,
        account: accountName,
        account_key: new Secret(accountKey),
        endpoint: blobEndpoint,
      },
      { name: "direct", purpose },
    );
  return {
    yaml: (proxy) => [
      "type: azure",
      `container: ${container}`,
      `prefix: ${PREFIX}`,
      `account: ${accountName}`,
      `account_key: {file: ${keyFile}}`,
      `endpoint: ${proxy === undefined ? blobEndpoint : blobEndpoint.replace(`:${port}`, `:${proxy}`)}`,
    ],
    secrets: [accountKey],
    open,
    // Azurite keeps many objects in one file.
    flipBit: (key, at) => flipBitByPut({ open }, key, at),
    versions: () => versionsBySink({ open }),
    // Blocks that aren't committed are no blob, and the service removes them.
    leftovers: () => [],
  };
}
