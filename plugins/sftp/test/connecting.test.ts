import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { expect } from "chai";
import { bytesSource, type Sink } from "@axon-backup/sink";
import { plugin } from "@axon-backup/sink-sftp";
import { type FaultProxy, startFaultProxy } from "@axon-backup/test-servers";
import { caught, key, open, optionsFor, until } from "./support.js";
import { serverForTests } from "./support-open.js";

/** Milliseconds: connecting itself gives up after 20 s. */
const AT_ONCE = 1000;

describe("an SFTP sink that can't connect", function () {
  this.timeout(60_000);
  let silent: Server;
  let proxy: FaultProxy;
  const taken: Socket[] = [];

  before(async () => {
    silent = createServer((socket) => {
      taken.push(socket.on("error", () => undefined).resume());
    });
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
  });
  after(() => silent.close());
  // Last: where there is no sshd, the hooks after this one are left out, but not those that tidy up.
  const started = serverForTests();
  beforeEach(async () => {
    proxy = await startFaultProxy({ target: started.server });
  });
  afterEach(() => proxy.close());

  async function atOnce<T>(promise: Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await promise;
    } finally {
      expect(performance.now() - start).to.be.below(AT_ONCE);
    }
  }

  it("opening ends with the signal, and so does the connection", async () => {
    const controller = new AbortController();
    const options = optionsFor(started.server, { port: (silent.address() as AddressInfo).port });
    const opening = caught(
      plugin.open(options, { name: "test", purpose: "write", signal: controller.signal }),
    );
    await until(() => taken.length === 1);
    const reason = new Error("Ctrl-C");
    controller.abort(reason);
    expect(await atOnce(opening)).to.equal(reason);
    await until(() => taken.every(({ closed }) => closed));
  });

  it("closing ends the connecting of a call", async () => {
    const { server } = started;
    const sink = await open(server, { port: proxy.port, host_key: server.hostKey });
    await breakOff(sink);
    const stat = caught(sink.stat(key));
    await until(() => proxy.accepted === 2);
    await atOnce(sink.close());
    expect(String(await stat)).to.include("closed");
  });

  it("a call that is aborted ends the connecting: the next one tries anew", async () => {
    const { server } = started;
    const sink = await open(server, { port: proxy.port, host_key: server.hostKey });
    await sink.put(key, bytesSource("old"));
    await breakOff(sink);
    const controller = new AbortController();
    const stat = caught(sink.stat(key, { signal: controller.signal }));
    await until(() => proxy.accepted === 2);
    const reason = new Error("stalled, says the engine");
    controller.abort(reason);
    expect(await stat).to.equal(reason);
    await proxy.pass();
    expect((await sink.stat(key)).size).to.equal(3);
    expect(proxy.accepted).to.equal(3);
    await sink.close();
  });

  /** The connection is gone, and a new one gets nowhere. */
  async function breakOff(sink: Sink): Promise<void> {
    proxy.reset();
    await proxy.refuse();
    await until(async () => String(await caught(sink.stat(key))).includes("ECONNREFUSED"));
    await proxy.pass();
    proxy.stall();
  }
});
