import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { expect } from "chai";
import { bytesSource, isSinkError, objectKey, readAll } from "@axon-backup/sink";
import { proxyFor } from "../dist/proxy.js";
import { caught, newBucket, open, server } from "./support.js";

describe("the environment's proxy", () => {
  it("is taken for the protocol, unless NO_PROXY names the host", () => {
    const environment = { HTTPS_PROXY: "http://secure:1", http_proxy: "plain:2", NO_PROXY: "localhost, .corp.example, *.x.y,z:8443" }; // prettier-ignore
    const host = (name: string, port = 443): string | undefined =>
      proxyFor("https:", name, port, environment)?.host;
    expect(host("s3.amazonaws.com")).to.equal("secure:1");
    expect(proxyFor("http:", "a", 80, environment)?.host).to.equal("plain:2");
    expect(["localhost", "corp.example", "a.corp.EXAMPLE", "b.x.y"].map((name) => host(name))).to.deep.equal(
      Array(4).fill(undefined),
    );
    expect(host("notcorp.example")).to.equal("secure:1");
    expect([host("z", 443), host("z", 8443)]).to.deep.equal(["secure:1", undefined]);
    expect(proxyFor("https:", "a", 1, { ALL_PROXY: "all:3", NO_PROXY: "" })?.host).to.equal("all:3");
    expect(proxyFor("https:", "a", 1, { ALL_PROXY: "all:3", NO_PROXY: "*" })).to.be.undefined;
    expect(proxyFor("https:", "a", 1, {})).to.be.undefined;
  });

  const started = server();

  it("carries everything, with its login; and says when it wants another", async () => {
    const seen: (string | undefined)[] = [];
    const proxy = createServer();
    proxy.on("connect", ({ url = "", headers }: IncomingMessage, client: Duplex) => {
      seen.push(headers["proxy-authorization"]);
      const [host = "", port] = url.split(":");
      if (headers["proxy-authorization"] === undefined) {
        client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        return;
      }
      const target = connect(Number(port), host, () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        target.pipe(client).pipe(target);
      });
      for (const socket of [client, target]) socket.on("error", () => { for (const one of [client, target]) one.destroy(); }); // prettier-ignore
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const { port } = proxy.address() as AddressInfo;
    const names = ["http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"];
    const before = names.map((name) => [name, process.env[name]] as const);
    for (const name of names) Reflect.deleteProperty(process.env, name);
    try {
      const options = await newBucket(started());
      process.env["HTTP_PROXY"] = `http://user:p%40ss@127.0.0.1:${port}`;
      const sink = await open(options);
      const key = objectKey("a");
      await sink.put(key, bytesSource("through the proxy"));
      expect(Buffer.from(await readAll(sink.get(key))).toString()).to.equal("through the proxy");
      await sink.close();
      expect(seen.length).to.be.above(0);
      expect(new Set(seen)).to.deep.equal(new Set([`Basic ${Buffer.from("user:p@ss").toString("base64")}`]));
      process.env["HTTP_PROXY"] = `http://127.0.0.1:${port}`;
      expect(isSinkError(await caught(open(options)), "denied")).to.be.true;
    } finally {
      for (const [name, value] of before)
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      proxy.close();
    }
  });
});
