import { createHmac, randomBytes } from "node:crypto";
import { type AzuriteServer, findServer, startAzurite } from "@axon-backup/test-servers";
import { type ObjectKey, objectKey, type OpenContext, Secret, type Sink, SinkError } from "@axon-backup/sink";
import { type AzureOptions, plugin } from "@axon-backup/sink-azure";

export const key = objectKey("contexts/default/events/00000000000000000000.events");
export const KiB = 1024;
export const MiB = 1024 * KiB;

/** Why there can be no tests with Azurite; undefined when there can. With CI set, they must run: then starting it fails. */
export async function missingServer(): Promise<string | undefined> {
  const found = await findServer("azurite");
  if (found.available || (process.env["CI"] ?? "") !== "") return undefined;
  return `${found.reason}; ${found.remedy}`;
}

/** A suite with one Azurite, and a new container for each test. */
export function withAzurite(title: string, body: (storage: () => Storage) => void): void {
  describe(title, function () {
    this.timeout(60_000);
    let server: AzuriteServer | undefined;
    let storage: Storage | undefined;
    before(async function () {
      const missing = await missingServer();
      if (missing === undefined) server = await startAzurite();
      else {
        process.stderr.write(`tests with azurite are skipped: ${missing}\n`);
        this.skip();
      }
    });
    beforeEach(async () => {
      if (server) storage = await newStorage(server);
    });
    afterEach(() => storage?.sink.close());
    after(() => server?.close());
    body(() => {
      if (!storage) throw new Error("there is no container");
      return storage;
    });
  });
}

/** A container of a server, and the sink on it. */
export interface Storage {
  readonly server: AzuriteServer;
  readonly container: string;
  readonly sink: Sink & Required<Pick<Sink, "extend">>;
  readonly open: (options?: Partial<AzureOptions>, purpose?: OpenContext["purpose"]) => Promise<Sink>;
}

let containers = 0;

export async function newStorage(
  server: AzuriteServer,
  options: Partial<AzureOptions> = {},
): Promise<Storage> {
  const container = `test-${++containers}`;
  await server.createContainer(container);
  const open: Storage["open"] = (more = {}, purpose = "write") =>
    plugin.open({ ...login(server), container, ...options, ...more }, { name: "test", purpose });
  const sink = await open();
  if (!sink.extend) throw new Error("there is no extend");
  return { server, container, sink: sink as Storage["sink"], open };
}

/** Account and key; `endpoint` may be that of a proxy. */
export function login(
  { accountName, accountKey, blobEndpoint }: AzuriteServer,
  endpoint = blobEndpoint,
): Pick<AzureOptions, "account" | "account_key" | "endpoint"> {
  return { account: accountName, account_key: new Secret(accountKey), endpoint };
}

/** The endpoint by way of a proxy. */
export function through({ blobEndpoint }: AzuriteServer, port: number): string {
  const url = new URL(blobEndpoint);
  url.port = String(port);
  return url.href.replace(/\/$/, "");
}

/** A service SAS for the container. https://learn.microsoft.com/rest/api/storageservices/create-service-sas */
export function sas(
  { accountName, accountKey }: AzuriteServer,
  container: string,
  { permissions = "rcwdl", expires = new Date(Date.now() + 3_600_000) } = {},
): string {
  const version = "2020-12-06";
  const se = `${expires.toISOString().slice(0, 19)}Z`;
  const fields = [permissions, "", se, `/blob/${accountName}/${container}`, "", "", "", version, "c"];
  // Snapshot, encryption scope and the five headers that an answer may be made to have.
  const text = [...fields, ...Array.from({ length: 7 }, () => "")].join("\n");
  const sig = createHmac("sha256", Buffer.from(accountKey, "base64")).update(text).digest("base64");
  return new URLSearchParams({ sv: version, sr: "c", sp: permissions, se, sig }).toString();
}

/** What the promise rejects with, which must be a SinkError. */
export async function failure(promise: Promise<unknown> | undefined): Promise<SinkError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SinkError) return error;
    throw error;
  }
  throw new Error("should have failed");
}

export async function keysOf(sink: Sink): Promise<readonly ObjectKey[]> {
  const keys: ObjectKey[] = [];
  for await (const object of sink.list("")) keys.push(object.key);
  return keys.sort();
}

export function bytes(size: number): Buffer {
  return randomBytes(size);
}
