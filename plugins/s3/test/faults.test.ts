import { expect } from "chai";
import { bytesSource, isSinkError, objectKey, readAll, type Sink } from "@axon-backup/sink";
import { pattern } from "@axon-backup/sink-testkit";
import { type FaultProxy, startFaultProxy } from "@axon-backup/test-servers";
import type { S3Options } from "@axon-backup/sink-s3";
import { unfinished } from "./sdk.js";
import { caught, newBucket, open, server } from "./support.js";

const key = objectKey("contexts/default/events/00000000000000000000.events");
const MiB = 1024 * 1024;

describe("behind a network that fails", function () {
  this.timeout(60_000);
  const started = server();
  let proxy: FaultProxy;
  let direct: S3Options;
  let sink: Sink;

  beforeEach(async () => {
    const { host, port } = started();
    proxy = await startFaultProxy({ target: { host, port } });
    direct = await newBucket(started());
    sink = await open({ ...direct, endpoint: `http://127.0.0.1:${proxy.port}` });
  });
  afterEach(async () => {
    await sink.close();
    await proxy.close();
  });

  const old = pattern(3 * MiB, 1);
  /** The object is the old one, nothing else is there, and the sink goes on as if nothing had been. */
  const unharmed = async (): Promise<void> => {
    await proxy.pass();
    expect(Buffer.compare(await readAll(sink.get(key)), old)).to.equal(0);
    for await (const object of sink.list("")) expect(object.key).to.equal(key);
    await sink.put(key, bytesSource("new"));
    expect(await sink.stat(key)).to.include({ size: 3 });
  };

  /** Drops what the proxy holds back, and with it the connections that the sink has spare: waits until it has noticed. */
  const dropHeldBack = async (): Promise<void> => {
    proxy.reset();
    await proxy.pass();
    for (let there = false; !there;)
      there = await sink.stat(key).then(
        () => true,
        (error: unknown) => {
          if (isSinkError(error, "transient")) return false;
          throw error;
        },
      );
  };

  for (const [what, size, at] of [
    ["one request", 7 * MiB, 3 * MiB],
    ["an upload in parts", 30 * MiB, 17 * MiB],
  ] as const)
    it(`a put of ${what} that is cut leaves the old object`, async () => {
      await sink.put(key, bytesSource(old));
      proxy.cutAfter(at);
      expect(isSinkError(await caught(sink.put(key, bytesSource(pattern(size, 2)))), "transient")).to.be.true;
      expect(proxy.cuts).to.equal(1);
      expect(await unfinished(direct)).to.deep.equal([]);
      await unharmed();
    });

  it("a put that stalls ends with the signal", async () => {
    await sink.put(key, bytesSource(old));
    for (const size of [7 * MiB, 30 * MiB]) {
      proxy.stall();
      const controller = new AbortController();
      const reason = new Error("stalled");
      const put = caught(sink.put(key, bytesSource(pattern(size, 2)), { signal: controller.signal }));
      setTimeout(() => { controller.abort(reason); }, 100); // prettier-ignore
      expect(await put).to.equal(reason);
      await dropHeldBack();
    }
    await unharmed();
  });

  it("a get that stalls ends with the signal, one that is cut is no end", async () => {
    const large = pattern(8 * MiB, 3);
    await sink.put(key, bytesSource(large));
    proxy.cutAfter(2 * MiB, { direction: "down" });
    expect(isSinkError(await caught(readAll(sink.get(key))), "transient")).to.be.true;
    const controller = new AbortController();
    const reason = new Error("stalled");
    const iterator = sink.get(key, { signal: controller.signal })[Symbol.asyncIterator]();
    await iterator.next();
    proxy.stall();
    const rest = caught((async () => { while ((await iterator.next()).done !== true); })()); // prettier-ignore
    controller.abort(reason);
    expect(await rest).to.equal(reason);
    await dropHeldBack();
    expect(Buffer.compare(await readAll(sink.get(key)), large)).to.equal(0);
  });

  it("calls to a server that is gone fail at once, and work when it is back", async () => {
    await sink.put(key, bytesSource(old));
    await proxy.refuse();
    proxy.reset();
    for (const call of [
      () => sink.put(key, bytesSource("x")),
      () => readAll(sink.get(key)),
      () => sink.stat(key),
      () => sink.delete(key),
      () => sink.extend?.(key, 1, bytesSource("x")) ?? Promise.resolve(),
    ]) {
      const error = await caught(call());
      expect(isSinkError(error, "transient"), String(error)).to.be.true;
    }
    const refused = await caught(sink.stat(key));
    expect(refused).to.have.property("message").that.includes("refused").and.includes(direct.bucket);
    expect(refused).to.have.property("remedy").that.includes("server runs");
    await unharmed();
  });

  it("an extend that is cut leaves the old object", async () => {
    const large = pattern(9 * MiB, 4);
    await sink.put(key, bytesSource(large));
    proxy.cutAfter(MiB);
    const error = await caught(Promise.resolve(sink.extend?.(key, 8 * MiB, bytesSource(pattern(4 * MiB)))));
    expect(isSinkError(error, "transient")).to.be.true;
    expect(Buffer.compare(await readAll(sink.get(key)), large)).to.equal(0);
    expect(await unfinished(direct)).to.deep.equal([]);
  });
});
