import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";

import { expect } from "chai";

import { AxonServerClient, AxonServerError, type AxonServerTls } from "@axon-backup/axon-server";

import { failure } from "./support/failure.js";
import { type Reply, TestServer } from "./support/test-server.js";

const pem = (name: string): string => readFileSync(new URL(`../test/tls/${name}`, import.meta.url), "utf8");

/** A port of this machine that nobody listens on. */
async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("the client's retries", () => {
  it("go on until an answer comes", async () => {
    const replies: Reply[] = ["reset", { status: 503, body: "" }, "cut", { json: ["/a"] }];
    await using server = await TestServer.start(() => replies.shift() ?? "reset");
    const client = new AxonServerClient({ url: server.url, retryDelay: 1 });
    expect(await client.listFilenames("d", "events")).to.deep.equal(["/a"]);
    expect(server.seen).to.have.lengthOf(4);
    await client.close();
  });

  it("end after as many tries as are allowed", async () => {
    await using server = await TestServer.start(() => "reset");
    const client = new AxonServerClient({ url: server.url, retryDelay: 1, attempts: 5 });
    const error = await failure(client.listFilenames("d", "events"), "unreachable");
    expect(error.message).to.contain("(tried 5 times)");
    expect(server.seen).to.have.lengthOf(5);
    await client.close();
  });

  it("stop at once when aborted while waiting", async () => {
    const control = new AbortController();
    const reason = new Error("stopped by the operator");
    await using server = await TestServer.start(() => {
      // The wait begins after the answer; it would last an hour.
      setImmediate(() => {
        control.abort(reason);
      });
      return { status: 503, body: "" };
    });
    const client = new AxonServerClient({ url: server.url, retryDelay: 3_600_000 });
    const thrown = await client
      .listFilenames("d", "events", undefined, control.signal)
      .catch((error: unknown) => error);
    expect(thrown).to.equal(reason);
    expect(server.seen).to.have.lengthOf(1);
    await client.close();
  });

  it("stop at once when aborted while an answer is awaited, and don't begin once aborted", async () => {
    const control = new AbortController();
    const reason = new Error("stopped by the operator");
    await using server = await TestServer.start(() => {
      control.abort(reason);
      return "silence";
    });
    const client = new AxonServerClient({ url: server.url });
    for (const call of [
      () => client.identify(control.signal),
      () => client.createControlDbBackup("SE", control.signal),
    ])
      expect(await call().catch((error: unknown) => error)).to.equal(reason);
    expect(server.seen).to.have.lengthOf(1);
    await client.close();
  });

  it("don't follow a time-out", async () => {
    await using server = await TestServer.start(() => "silence");
    const client = new AxonServerClient({
      url: server.url,
      requestTimeout: 50,
      controlDbTimeout: 50,
      retryDelay: 1,
    });
    const error = await failure(client.listFilenames("d", "events"), "timeout");
    expect(error.message).to.contain("within 50 ms");
    await failure(client.createControlDbBackup("SE"), "timeout");
    expect(server.seen).to.have.lengthOf(2);
    await client.close();
  });

  it("follow a refused connection, for the control DB call as well: nothing was sent", async () => {
    const port = await unusedPort();
    const client = new AxonServerClient({ url: `http://127.0.0.1:${port}`, retryDelay: 1, attempts: 3 });
    for (const call of [client.listFilenames("d", "events"), client.createControlDbBackup("SE")]) {
      const error = await failure(call, "unreachable");
      expect(error.message).to.match(/connection refused .*\(tried 3 times\)/);
    }
    await client.close();
  });

  it("follow a refused connection on every address of a name", async () => {
    const client = new AxonServerClient({
      url: `http://localhost:${await unusedPort()}`,
      retryDelay: 1,
      attempts: 2,
    });
    const error = await failure(client.createControlDbBackup("SE"), "unreachable");
    expect(error.message).to.contain("(tried 2 times)");
    await client.close();
  });

  for (const [title, reply] of [
    ["the connection is closed without an answer", "reset"],
    ["the answer is cut", "cut"],
    ["the server isn't ready", { status: 503, body: "[AXONIQ-7000] not ready" }],
    ["a proxy gives up", { status: 504, body: "" }],
    ["the server fails", { status: 500, body: "" }],
  ] as const)
    it(`never send the control DB call twice when ${title}`, async () => {
      await using server = await TestServer.start(() => reply);
      const client = new AxonServerClient({ url: server.url, retryDelay: 1, attempts: 5 });
      const error = await client.createControlDbBackup("SE").catch((caught: unknown) => caught);
      expect(error).to.be.an("error").with.property("name", "AxonServerError");
      expect(server.seen).to.have.lengthOf(1);
      await client.close();
    });

  it("send the control DB call on a connection of its own, so that a stale one can't fail it", async () => {
    await using server = await TestServer.start(({ method }) =>
      method === "POST" ? { body: "/controldb1.zip" } : { json: [] },
    );
    const client = new AxonServerClient({ url: server.url });
    await client.listFilenames("d", "events");
    await client.createControlDbBackup("SE");
    expect(server.connections).to.equal(2);
    await client.close();
  });
});

describe("the client's configuration", () => {
  for (const url of [
    "",
    "axon:8024",
    "localhost",
    "ftp://host",
    "file:///etc/passwd",
    "http://",
    "http://host/?token=canary",
    "http://host/#x",
  ])
    it(`refuses the URL ${JSON.stringify(url)}`, () => {
      expect(() => new AxonServerClient({ url }))
        .to.throw()
        .with.property("kind", "configuration");
    });

  for (const url of [
    "http://admin:canary@host:8024",
    "http://admin:canary@ho st:8024",
    "https://canary@host",
    "ftp://admin:canary@host",
    "http://a:canary@b@host/?x",
  ])
    it(`refuses credentials in a URL and doesn't repeat them: ${url}`, () => {
      expect(() => new AxonServerClient({ url }))
        .to.throw()
        .that.satisfies(
          (error: Error & { kind: string }) =>
            error.kind === "configuration" && !error.message.includes("canary"),
        );
    });

  it("refuses an access token that no header can carry, without showing it", async () => {
    for (const token of ["", "canary\n", "canary token", "canäry"]) {
      const client = new AxonServerClient({ url: "http://127.0.0.1:1", accessToken: () => token });
      const error = await failure(client.listFilenames("d", "events"), "configuration");
      expect(error.message).to.not.match(/can[aä]ry/);
      await client.close();
    }
  });

  for (const [title, tls] of [
    ["a CA that isn't PEM", { ca: "nothing" }],
    ["a broken CA", { ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" }],
    ["a certificate without a key", { certificate: pem("client.pem") }],
    ["a key without a certificate", { key: pem("client.key") }],
    ["another certificate's key", { certificate: pem("client.pem"), key: pem("server.key") }],
  ] as const)
    it(`refuses ${title}`, () => {
      expect(() => new AxonServerClient({ url: "https://host", tls }))
        .to.throw()
        .with.property("kind", "configuration");
    });
});

describe("the client's TLS", () => {
  const server = { cert: pem("server.pem"), key: pem("server.key") };
  const mutual = { ...server, ca: pem("ca.pem"), requestCert: true, rejectUnauthorized: true };
  const client = { certificate: pem("client.pem"), key: pem("client.key") };
  const list = async (url: string, tls?: AxonServerTls): Promise<readonly string[]> => {
    const axon = new AxonServerClient({ url, ...(tls === undefined ? {} : { tls }), attempts: 1 });
    try {
      return await axon.listFilenames("d", "events");
    } finally {
      await axon.close();
    }
  };
  const reply = (): Reply => ({ json: ["/a"] });

  it("works with an own CA and a client certificate", async () => {
    await using plain = await TestServer.start(reply, server);
    expect(await list(plain.url, { ca: pem("ca.pem") })).to.deep.equal(["/a"]);
    await using strict = await TestServer.start(reply, mutual);
    expect(await list(strict.url, { ca: pem("ca.pem"), ...client })).to.deep.equal(["/a"]);
  });

  it("verifies against the name that is given", async () => {
    await using own = await TestServer.start(reply, server);
    expect(await list(own.url, { ca: pem("ca.pem"), serverName: "localhost" })).to.deep.equal(["/a"]);
    const error = await failure(list(own.url, { ca: pem("ca.pem"), serverName: "axon.example.com" }), "tls");
    expect(error.remedy).to.contain("server.tls.server_name");
  });

  it("refuses a server whose CA it doesn't know", async () => {
    await using own = await TestServer.start(reply, server);
    for (const tls of [undefined, { ca: pem("other-ca.pem") }]) {
      const error = await failure(list(own.url, tls), "tls");
      expect(error.remedy).to.contain("server.tls.ca");
      expect(own.seen).to.have.lengthOf(0);
    }
  });

  it("says that a client certificate is missing", async () => {
    await using strict = await TestServer.start(reply, mutual);
    // With TLS 1.3 the server's alert may come, or be overtaken by its closing.
    const error = await list(strict.url, { ca: pem("ca.pem") }).catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(AxonServerError);
    expect(["tls", "unreachable"]).to.include((error as AxonServerError).kind);
    expect((error as AxonServerError).remedy).to.contain("server.tls.cert");
    expect(strict.seen).to.have.lengthOf(0);
  });

  it("says that the server has no TLS, or has", async () => {
    await using plain = await TestServer.start(reply);
    const error = await failure(list(plain.url.replace("http:", "https:")), "tls");
    expect(error.remedy).to.contain("http://");
    await using own = await TestServer.start(reply, server);
    const other = await failure(list(own.url.replace("https:", "http:")), "unreachable");
    expect(other.remedy).to.contain("https://");
  });
});
