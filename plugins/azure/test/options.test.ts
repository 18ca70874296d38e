import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesSource, readAll, Secret, type SinkError } from "@axon-backup/sink";
import { BlobServiceClient } from "@azure/storage-blob";
import { type AzureOptions, plugin } from "@axon-backup/sink-azure";
import { startHttpProxy } from "./http-proxy.js";
import { failure, key, keysOf, sas, withAzurite } from "./support.js";

const KEY = new Secret(Buffer.alloc(64).toString("base64"));
const opened = (options: Partial<AzureOptions>): Promise<SinkError> =>
  failure(plugin.open({ container: "container", ...options }, { name: "test", purpose: "write" }));

describe("the options of the Azure sink", () => {
  const wrong: Readonly<Record<string, readonly [Partial<AzureOptions>, string]>> = {
    "no login": [{ account: "account" }, "nothing to log in with"],
    "two logins": [{ account: "account", account_key: KEY, sas_token: KEY }, "both"],
    "a key without its account": [{ account_key: KEY }, "account isn't"],
    "a SAS of nobody knows which account": [{ sas_token: new Secret("sig=x") }, "which storage account"],
    "an endpoint beside a connection string": [
      { connection_string: KEY, endpoint: "https://x" },
      "endpoint and",
    ],
    "a client ID beside a key": [{ account: "account", account_key: KEY, client_id: "x" }, "client_id"],
    "a key that isn't one": [{ account: "account", account_key: new Secret("not a key!") }, "Base64"],
    "a URL in place of a SAS": [{ account: "account", sas_token: new Secret("https://x/y") }, "no signature"],
    "a connection string that isn't one": [{ connection_string: new Secret("x=y") }, "connection string"],
    "certificates that aren't there": [
      { account: "account", account_key: KEY, ca: "/no/such/file" },
      "/no/such/file",
    ],
  };
  for (const [what, [options, text]] of Object.entries(wrong))
    it(`are refused with a remedy: ${what}`, async () => {
      const error = await opened(options);
      expect(error.kind).to.equal("invalid");
      expect(error.message).to.include(text);
      expect(error.remedy).to.be.a("string");
    });

  it("take no archive tier for what is read or replaced by every run", () => {
    const { properties } = plugin.optionsSchema as {
      properties: { tier: { properties: Record<string, { enum: string[]; description: string }> } };
    };
    const tiers = properties.tier.properties;
    for (const kind of ["open-segment", "document"])
      expect(tiers[kind]?.enum).to.deep.equal(["hot", "cool", "cold"]);
    expect(tiers["closed-segment"]?.enum).to.include("archive");
    expect(tiers["open-segment"]?.description).to.include("early deletion");
  });
});

describe("the credential chain", () => {
  it("says what there is no login from", async () => {
    // A workload identity that isn't there: no request goes out.
    process.env["AZURE_TOKEN_CREDENTIALS"] = "WorkloadIdentityCredential";
    try {
      const error = await opened({ credential: "default", endpoint: "https://127.0.0.1:1" });
      expect(error.kind).to.equal("denied");
      expect(error.message).to.include("no login from the credential");
      expect(error.remedy).to.include("managed identity");
    } finally {
      delete process.env["AZURE_TOKEN_CREDENTIALS"];
    }
  });

  it("gives no token to an endpoint without TLS", async () => {
    const error = await opened({ credential: "default", endpoint: "http://127.0.0.1:1" });
    expect(error.kind).to.equal("invalid");
  });
});

describe("a shared access signature", () => {
  const open = (values: Record<string, string>): Promise<SinkError> =>
    opened({
      account: "account",
      sas_token: new Secret(new URLSearchParams({ ...values, sig: "x" }).toString()),
    });

  it("that lacks a permission is refused before anything is sent, with the permission's name", async () => {
    const error = await open({ sp: "rcl", se: "2099-01-01T00:00:00Z" });
    expect(error.kind).to.equal("denied");
    expect(error.message).to.include("write (w), delete (d)");
    expect(error.remedy).to.include("rcwdl");
  });

  it("that has expired, or isn't valid yet, is refused with its time", async () => {
    const expired = await open({ sp: "rcwdl", se: "2020-01-01T00:00:00Z" });
    expect(expired.kind).to.equal("denied");
    expect(expired.message).to.include("2020-01-01T00:00:00.000Z");
    expect((await open({ sp: "rcwdl", st: "2098-01-01T00:00:00Z" })).message).to.include("from 2098");
  });
});

withAzurite("the Azure sink", (storage) => {
  it("opens with a connection string", async () => {
    const { server, container } = storage();
    const connection_string = new Secret(`${server.connectionString}\n`);
    const sink = await plugin.open({ connection_string, container }, { name: "test", purpose: "write" });
    await sink.put(key, bytesSource("x"));
    expect(await keysOf(storage().sink)).to.deep.equal([key]);
    await sink.close();
  });

  it("trusts the certificates of ca, and no unknown ones", async () => {
    const { server, open } = storage();
    const file = (name: string): string => fileURLToPath(new URL(`../test/tls/${name}`, import.meta.url));
    const text = (name: string): Promise<string> => readFile(file(name), "utf8");
    const tls = { cert: await text("server.pem"), key: await text("server.key") };
    const proxy = await startHttpProxy(() => ({ goOn: {} }), server, tls);
    try {
      const endpoint = `https://localhost:${proxy.port}/${server.accountName}`;
      const sink = await open({ endpoint, ca: file("ca.pem") });
      await sink.put(key, bytesSource("x"));
      await sink.close();
      expect(await keysOf(storage().sink)).to.deep.equal([key]);
      const unknown = await failure(open({ endpoint }));
      expect(unknown.kind).to.equal("invalid");
      expect(unknown.remedy).to.include("Set ca");
    } finally {
      await proxy.close();
    }
  });

  it("reads with a SAS that may read and list alone, and says what it mayn't", async () => {
    const { server, container, sink } = storage();
    await sink.put(key, bytesSource("x"));
    const options = {
      sas_token: new Secret(`?${sas(server, container, { permissions: "rl" })}`),
      endpoint: server.blobEndpoint,
      container,
    };
    const reading = await plugin.open(options, { name: "test", purpose: "read" });
    expect(Buffer.from(await readAll(reading.get(key))).toString()).to.equal("x");
    const error = await failure(reading.put(key, bytesSource("y")));
    expect(error.kind).to.equal("denied");
    expect(error.remedy).to.include("rcwdl");
    await reading.close();
    expect((await failure(plugin.open(options, { name: "test", purpose: "write" }))).kind).to.equal("denied");
  });

  it("puts each kind of object into its tier, also when it is extended", async () => {
    const { server, container, open } = storage();
    const sink = await open({ tier: { "closed-segment": "cool", "open-segment": "cold" } });
    const blob = BlobServiceClient.fromConnectionString(server.connectionString)
      .getContainerClient(container)
      .getBlockBlobClient(key);
    const tier = async (): Promise<string | undefined> => (await blob.getProperties()).accessTier;
    await sink.put(key, bytesSource("x"), { kind: "closed-segment" });
    expect(await tier()).to.equal("Cool");
    await sink.put(key, bytesSource("x"), { kind: "document" });
    expect(await tier()).to.equal("Hot");
    await sink.put(key, bytesSource(new Uint8Array(100_000)), { kind: "open-segment" });
    expect(await tier()).to.equal("Cold");
    await sink.extend?.(key, 100_000, bytesSource("x"), { kind: "open-segment" });
    expect(await tier()).to.equal("Cold");
  });

  it("lists nothing of what others put there that isn't an object", async () => {
    const { server, container, open } = storage();
    const client = BlobServiceClient.fromConnectionString(server.connectionString).getContainerClient(
      container,
    );
    for (const name of ["axon/.hidden", "axon/with space", "axon/a//b", "axonothers/x", "other"])
      await client.getBlockBlobClient(name).upload("x", 1);
    // A directory of an account with a hierarchical namespace.
    await client.getBlockBlobClient("axon/contexts").upload("", 0, { metadata: { hdi_isfolder: "true" } });
    const sink = await open({ prefix: "axon/" });
    await sink.put(key, bytesSource("x"));
    expect(await keysOf(sink)).to.deep.equal([key]);
  });
});
