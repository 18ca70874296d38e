import { expect } from "chai";
import { bytesSource, isSinkError, readAll, type Sink, type Source } from "@axon-backup/sink";
import {
  type FaultProxy,
  pendingWithoutServer,
  startFaultProxy,
  startSshd,
  type SshdServer,
} from "@axon-backup/test-servers";
import { filledSource, temporaryFiles } from "@axon-backup/sink-testkit";
import { caught, key, keysOf, open, until } from "./support.js";

const MiB = 1024 * 1024;

describe("an SFTP sink with trouble on the way", function () {
  this.timeout(60_000);
  let server: SshdServer;
  let started: SshdServer | undefined;
  let proxy: FaultProxy;
  let sink: Sink;

  before(async function () {
    await pendingWithoutServer(this, "sshd");
    server = started = await startSshd();
  });
  after(() => started?.close());
  beforeEach(async () => {
    proxy = await startFaultProxy({ target: server });
    sink = await open(server, { port: proxy.port, host_key: server.hostKey });
    await sink.put(key, bytesSource("old"));
  });
  afterEach(async () => {
    await sink.close();
    await proxy.close();
    expect(await temporaryFiles(server.root), "temporary files").to.deep.equal([]);
  });

  async function holds(text: string): Promise<void> {
    expect(Buffer.from(await readAll(sink.get(key))).toString()).to.equal(text);
  }

  it("cut in the middle of a put: transient, the old object stands, the next call connects anew", async () => {
    proxy.cutAfter(3 * MiB);
    const error = await caught(sink.put(key, filledSource(MiB, 8, 1)));
    expect(isSinkError(error, "transient"), String(error)).to.be.true;
    expect(error).to.have.property("message").that.includes("is lost");
    expect(proxy.cuts).to.equal(1);
    await holds("old");
    await sink.put(key, bytesSource("new"));
    await holds("new");
    expect(proxy.accepted).to.equal(2);
  });

  it("cut in the middle of a get: transient, never a short object", async () => {
    await sink.put(key, filledSource(MiB, 8, 1));
    proxy.cutAfter(3 * MiB, { direction: "down" });
    expect(isSinkError(await caught(readAll(sink.get(key))), "transient")).to.be.true;
    expect((await readAll(sink.get(key))).byteLength).to.equal(8 * MiB);
  });

  it("cut in the middle of an extend: the kept bytes stand", async () => {
    proxy.cutAfter(2 * MiB);
    const error = await caught(sink.extend?.(key, 3, filledSource(MiB, 8, 1)) ?? Promise.resolve());
    expect(isSinkError(error, "transient"), String(error)).to.be.true;
    expect(
      Buffer.from(await readAll(sink.get(key, { range: { offset: 0, length: 3 } }))).toString(),
    ).to.equal("old");
    await sink.extend?.(key, 3, bytesSource("er"));
    await holds("older");
  });

  it("cut in a list: transient", async () => {
    proxy.cutAfter(1, { direction: "down" });
    const error = await caught(keysOf(sink));
    expect(isSinkError(error, "transient"), String(error)).to.be.true;
  });

  it("reset between calls: nobody notices", async () => {
    proxy.reset();
    await until(() => proxy.connections === 0);
    // The client learns of it by an event.
    await new Promise((resolve) => setImmediate(resolve));
    await holds("old").catch(async (error: unknown) => {
      expect(isSinkError(error, "transient")).to.be.true;
      await holds("old");
    });
  });

  it("stalled: a call ends when aborted, with the signal's reason, and the next one connects anew", async () => {
    const controller = new AbortController();
    const reason = new Error("stalled, says the engine");
    const source: Source = {
      size: 8 * MiB,
      async *open() {
        yield new Uint8Array(4 * MiB);
        proxy.stall();
        controller.abort(reason);
        yield new Uint8Array(4 * MiB);
        await Promise.resolve();
      },
    };
    const start = performance.now();
    expect(await caught(sink.put(key, source, { signal: controller.signal }))).to.equal(reason);
    expect(performance.now() - start).to.be.below(5000);
    await proxy.pass();
    await sink.put(key, bytesSource("new"));
    await holds("new");
    expect(proxy.accepted).to.equal(2);
  });

  it("stalled: a get ends when aborted, with the signal's reason", async () => {
    await sink.put(key, filledSource(MiB, 16, 1));
    const controller = new AbortController();
    const reason = new Error("stalled, says the engine");
    const read = async (): Promise<void> => {
      for await (const chunk of sink.get(key, { signal: controller.signal })) {
        expect(chunk[0]).to.equal(1);
        proxy.stall();
        setTimeout(() => {
          controller.abort(reason);
        }, 50);
      }
    };
    expect(await caught(read())).to.equal(reason);
    await proxy.pass();
  });

  it("gone and back: clear errors meanwhile, and then it goes on", async () => {
    proxy.reset();
    await proxy.refuse();
    await until(async () => {
      const error = await caught(sink.stat(key));
      expect(isSinkError(error, "transient"), String(error)).to.be.true;
      return String(error).includes("ECONNREFUSED");
    });
    await proxy.pass();
    await holds("old");
  });

  it("slow: many small puts at once take few round trips each", async () => {
    proxy.delay(20);
    const start = performance.now();
    await Promise.all(
      Array.from({ length: 16 }, (_, index) => sink.put(`small/${index}` as typeof key, bytesSource("x"))),
    );
    // Open, write, sync, close, rename are 200 ms; one after another would be 3200.
    expect(performance.now() - start).to.be.below(1500);
  });

  it("closed: calls say so", async () => {
    await sink.close();
    expect(String(await caught(sink.stat(key)))).to.include("closed");
  });
});
