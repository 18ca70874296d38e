import { deepEqual, equal, rejects } from "node:assert/strict";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { bytesSource, isSinkError, objectKey, Secret, type SinkErrorKind } from "@axon-backup/sink";
import { plugin } from "../dist/index.js";
import type { WebDavOptions } from "../dist/options.js";
import { startServer, type WebDavServer } from "./server.js";

const open = (options: WebDavOptions, purpose: "read" | "write" = "write") =>
  plugin.open(options, { name: "test", purpose });

/** Runs `use` against a server that answers every request in this way. */
async function against(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/axon`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const fails = (promise: Promise<unknown>, kind: SinkErrorKind, message: RegExp) =>
  rejects(promise, (error: Error) => isSinkError(error, kind) && message.test(error.message));

describe("the WebDAV sink", () => {
  let server: WebDavServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server.close());

  it("makes its collection to write, and not to read", async () => {
    await fails(open({ url: `${server.url}new` }, "read"), "not-found", /doesn't exist/);
    await (await open({ url: `${server.url}new` })).close();
    await (await open({ url: `${server.url}new/` }, "read")).close();
    await fails(open({ url: `${server.url}a/b/c` }), "transient", /the collection above it doesn't exist/);
  });

  it("removes temporary files that a day has passed over, and no others", async () => {
    const sink = await open({ url: server.url });
    await sink.put(objectKey("object"), bytesSource("x"));
    for (const name of [".tmp-dead", ".tmp-fresh", ".of-somebody-else"])
      await writeFile(join(server.root, name), "x");
    const old = new Date(Date.now() - 25 * 60 * 60 * 1000);
    for (const name of [".tmp-dead", ".of-somebody-else", "object"])
      await utimes(join(server.root, name), old, old);
    equal(await sink.removeLeftovers?.(), 1);
    const left = (await readdir(server.root)).filter(
      (name) => name !== "new" && !name.startsWith(".nephele"),
    );
    deepEqual(left.sort(), [".of-somebody-else", ".tmp-fresh", "object"]);
    await sink.close();
  });

  it("sends user and password, and says when they are wrong", async () => {
    let sent: string | undefined;
    const refuse: RequestListener = ({ headers }, response) => {
      sent = headers.authorization;
      response.writeHead(401).end();
    };
    await against(refuse, async (url) => {
      const password = new Secret("s3cret");
      await fails(open({ url, user: "me", password }), "denied", /user or password are wrong/);
      equal(sent, `Basic ${Buffer.from("me:s3cret").toString("base64")}`);
    });
  });

  for (const [status, body, kind, message] of [
    [200, "<html>", "invalid", /refuses the request \(200\)/],
    [207, "no XML", "invalid", /is not one of WebDAV/],
    [207, '<multistatus xmlns="DAV:"><response>', "transient", /ends in the middle/],
    [507, "", "full", /no space left/],
    [503, "", "transient", /503/],
  ] as const)
    it(`takes the answer ${status} ${body} for ${kind}`, () =>
      against(
        (_request, response) => response.writeHead(status).end(body),
        (url) => fails(open({ url }), kind, message),
      ));

  it("keeps the cause when the server isn't there", async () => {
    let gone = "";
    await against(
      () => undefined,
      (url) => {
        gone = url;
        return Promise.resolve();
      },
    );
    await rejects(open({ url: gone }), (error: Error) => {
      return isSinkError(error, "transient") && /ECONNREFUSED/.test(String(error.cause));
    });
  });
});
