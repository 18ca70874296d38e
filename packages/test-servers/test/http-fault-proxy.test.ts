import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { azureError, type HttpFaultProxy, s3Error, startHttpFaultProxy } from "@axon-backup/test-servers";
import { expect } from "chai";

describe("the HTTP fault proxy", () => {
  let server: Server;
  let proxy: HttpFaultProxy;
  let url: string;
  let seen: IncomingMessage[];
  beforeEach(async () => {
    seen = [];
    // Says what it got.
    server = createServer((incoming, outgoing) => {
      seen.push(incoming);
      outgoing.writeHead(201, { "x-Own": "kept" });
      incoming.pipe(outgoing);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    proxy = await startHttpFaultProxy({ target: { host: "127.0.0.1", port } });
    url = `http://127.0.0.1:${proxy.port}/a%20b/?list-type=2&prefix=x%2Fy`;
  });
  afterEach(async () => {
    await proxy.close();
    server.closeAllConnections();
    server.close();
  });

  it("passes requests and answers on as they are, Host included", async () => {
    const body = "x".repeat(300_000);
    const response = await fetch(url, { method: "PUT", body, headers: { "x-amz-date": "now" } });
    expect(response.status).to.equal(201);
    expect(response.headers.get("x-own")).to.equal("kept");
    expect(await response.text()).to.equal(body);
    expect(seen[0]?.url).to.equal("/a%20b/?list-type=2&prefix=x%2Fy");
    expect(seen[0]?.headers).to.include({
      host: `127.0.0.1:${proxy.port}`,
      "x-amz-date": "now",
      "content-length": "300000",
    });
    expect(proxy.answered).to.equal(0);
  });

  it("answers those that were chosen, so often, and then passes them again", async () => {
    proxy.answer(s3Error(503, "SlowDown", "Please reduce your request rate."), {
      methods: ["PUT"],
      after: 1,
      times: 2,
    });
    const statuses: number[] = [];
    for (const method of ["PUT", "GET", "PUT", "GET", "PUT", "PUT"]) {
      const response = await fetch(url, { method, ...(method === "PUT" && { body: "x" }) });
      statuses.push(response.status);
      const text = await response.text();
      if (response.status === 503) expect(text).to.include("<Code>SlowDown</Code>");
    }
    expect(statuses).to.deep.equal([201, 201, 503, 201, 503, 201]);
    expect(proxy.answered).to.equal(2);
    expect(seen).to.have.length(4);
  });

  it("chooses by path", async () => {
    proxy.answer(s3Error(500, "InternalError", "We encountered an internal error."), { path: /x%2Fz/ });
    expect((await fetch(url)).status).to.equal(201);
    expect((await fetch(url.replace("x%2Fy", "x%2Fz"))).status).to.equal(500);
  });

  it("answers a HEAD without a body, and stops when it is told to", async () => {
    proxy.answer(azureError(403, "AuthenticationFailed", "Server failed to authenticate.", "expired"));
    const head = await fetch(url, { method: "HEAD" });
    expect(head.status).to.equal(403);
    expect(head.headers.get("x-ms-error-code")).to.equal("AuthenticationFailed");
    proxy.pass();
    const after = await fetch(url);
    expect(after.status).to.equal(201);
    await after.text();
  });
});
