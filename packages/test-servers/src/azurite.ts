import { createHmac, randomBytes } from "node:crypto";
import { accepts, freePort, type RestartOptions, serverFolder, startProcess } from "./child.js";
import { azuritePath } from "./find.js";
import { send } from "./http.js";

/** An Azure Blob server for tests. */
export interface AzuriteServer {
  readonly connectionString: string;
  /** `http://127.0.0.1:PORT/ACCOUNT` */
  readonly blobEndpoint: string;
  readonly host: string;
  readonly port: number;
  readonly accountName: string;
  /** Base64. */
  readonly accountKey: string;
  /** Where it keeps everything. */
  readonly directory: string;
  createContainer(name: string): Promise<void>;
  /** Ends the server in order (killed, Azurite loses what it has confirmed), and starts it again where it was after so many milliseconds, with what it has stored. Resolves when it is ready. */
  restart(options?: RestartOptions): Promise<void>;
  /** Ends the server and removes its folder. May be called twice. */
  close(): Promise<void>;
}

export interface AzuriteOptions {
  /** A port of 127.0.0.1; a free one by default. */
  readonly port?: number;
  /** By default an account with a new key. `development`: the one that emulators have, with the key that everybody knows, for clients that know no other. */
  readonly account?: "development";
}

/** https://learn.microsoft.com/azure/storage/common/storage-use-azurite */
const DEVELOPMENT = {
  accountName: "devstoreaccount1",
  accountKey: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
};

/** A version of the API that Azurite 3.35 knows. */
const API_VERSION = "2024-11-04";

/** Starts Azurite's blob service, ready in some seconds. */
export async function startAzurite({ port: wanted, account }: AzuriteOptions = {}): Promise<AzuriteServer> {
  const script = azuritePath();
  if (script === undefined) throw new Error("there is no Azurite: node scripts/install-test-servers.mjs");
  const dir = await serverFolder("azurite");
  const port = wanted ?? (await freePort());
  const { accountName, accountKey } =
    account === "development"
      ? DEVELOPMENT
      : { accountName: "axonbackuptest", accountKey: randomBytes(64).toString("base64") };
  const server = await startProcess({
    dir,
    command: process.execPath,
    // Today's SDK asks for a newer version of the API than the newest Azurite for Node 20 knows.
    args: [script, "--blobHost", "127.0.0.1", "--blobPort", String(port), "--location", dir, "--silent", "--skipApiVersionCheck", "--disableTelemetry"], // prettier-ignore
    env: { AZURITE_ACCOUNTS: `${accountName}:${accountKey}` },
    ready: () => accepts(port),
    restartBy: "SIGTERM",
  });
  const blobEndpoint = `http://127.0.0.1:${port}/${accountName}`;
  return {
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${accountName};AccountKey=${accountKey};BlobEndpoint=${blobEndpoint};`,
    blobEndpoint,
    host: "127.0.0.1",
    port,
    accountName,
    accountKey,
    directory: dir,
    createContainer: (name) => createContainer(blobEndpoint, accountName, accountKey, name),
    restart: (options) => server.restart(options),
    close: () => server.close(),
  };
}

/** Create Container with a Shared Key signature. */
function createContainer(endpoint: string, account: string, key: string, name: string): Promise<void> {
  const url = new URL(`${endpoint}/${name}?restype=container`);
  const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": API_VERSION };
  const canonical = [
    "PUT",
    // The eleven standard headers, none of which is sent.
    ...Array.from({ length: 11 }, () => ""),
    ...Object.entries(headers).map(([header, value]) => `${header}:${value}`),
    `/${account}${url.pathname}`,
    "restype:container",
  ].join("\n");
  const signature = createHmac("sha256", Buffer.from(key, "base64")).update(canonical).digest("base64");
  const authorization = `SharedKey ${account}:${signature}`;
  return send(url, { method: "PUT", headers: { ...headers, authorization } }, `create the container ${name}`);
}
