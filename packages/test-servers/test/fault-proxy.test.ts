import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { expect } from "chai";
import { type FaultProxy, startFaultProxy } from "@axon-backup/test-servers";

/** A server that sends back what it gets, behind a proxy. */
async function withEcho(body: (proxy: FaultProxy) => Promise<void>): Promise<void> {
  const server: Server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy = await startFaultProxy({ target: { host: "127.0.0.1", port } });
  try {
    await body(proxy);
  } finally {
    await proxy.close();
    server.close();
  }
}

async function open(proxy: FaultProxy): Promise<Socket> {
  // The proxy's end breaks it.
  const socket = connect(proxy.port, proxy.host).on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

async function read(socket: Socket, count: number): Promise<Buffer> {
  let all = Buffer.alloc(0);
  while (all.byteLength < count) all = Buffer.concat([all, ((await once(socket, "data")) as [Buffer])[0]]);
  return all;
}

async function failure(socket: Socket): Promise<string | undefined> {
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  return error.code;
}

describe("the fault proxy", () => {
  it("passes everything on, and ends", () =>
    withEcho(async (proxy) => {
      const socket = await open(proxy);
      const bytes = Buffer.alloc(9_000_000, "abc");
      const answer = read(socket, bytes.byteLength);
      socket.end(bytes);
      expect((await answer).equals(bytes)).to.be.true;
      await once(socket, "close");
      expect(proxy.bytes).to.deep.equal({ up: bytes.byteLength, down: bytes.byteLength });
      expect(proxy.accepted).to.equal(1);
    }));

  it("leaves no handle open when it breaks what is ending", async () => {
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
    const before = sockets();
    await withEcho(async (proxy) => {
      const socket = await open(proxy);
      socket.write("x");
      await read(socket, 1);
      proxy.stall();
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.end();
      // Until the proxy has got it.
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
      await proxy.pass();
      proxy.reset();
      await closed;
    });
    while (sockets() > before) await new Promise((resolve) => setImmediate(resolve));
  });

  it("delays", () =>
    withEcho(async (proxy) => {
      proxy.delay(60);
      const socket = await open(proxy);
      const start = performance.now();
      socket.write("x");
      await read(socket, 1);
      expect(performance.now() - start).to.be.within(115, 1000);
    }));

  it("delays what was sent before an end, and the end", () =>
    withEcho(async (proxy) => {
      proxy.delay(60);
      const socket = await open(proxy);
      const answer = read(socket, 3);
      socket.end("abc");
      expect((await answer).toString()).to.equal("abc");
      await once(socket, "close");
    }));

  it("stalls, and passes on later", () =>
    withEcho(async (proxy) => {
      const socket = await open(proxy);
      proxy.stall();
      socket.write("x");
      const early = await Promise.race([
        read(socket, 1),
        new Promise<string>((resolve) => setTimeout(resolve, 50, "nothing")),
      ]);
      expect(early).to.equal("nothing");
      const answer = read(socket, 1);
      await proxy.pass();
      expect((await answer).toString()).to.equal("x");
    }));

  it("cuts after so many bytes of a direction, once", () =>
    withEcho(async (proxy) => {
      const socket = await open(proxy);
      proxy.cutAfter(1000, { direction: "down" });
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.write(Buffer.alloc(5000));
      socket.resume();
      // With an error or not: a reset that comes together with data looks like an end to Node.
      await closed;
      expect(socket.bytesRead).to.be.at.most(1000);
      expect(proxy.cuts).to.equal(1);
      expect(proxy.bytes.down).to.equal(1000);
      const again = await open(proxy);
      again.write("x");
      await read(again, 1);
    }));

  it("resets", () =>
    withEcho(async (proxy) => {
      const socket = await open(proxy);
      socket.write("x");
      await read(socket, 1);
      expect(proxy.connections).to.equal(1);
      proxy.reset();
      expect(await failure(socket)).to.equal("ECONNRESET");
      expect(proxy.connections).to.equal(0);
    }));

  it("refuses new connections, keeps the old, and takes them again", () =>
    withEcho(async (proxy) => {
      const socket = await open(proxy);
      await proxy.refuse();
      expect(await failure(connect(proxy.port, proxy.host))).to.equal("ECONNREFUSED");
      socket.write("x");
      await read(socket, 1);
      await proxy.pass();
      (await open(proxy)).end();
    }));
});
