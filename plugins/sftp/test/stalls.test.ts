import { expect } from "chai";
import { bytesSource, readAll, type Sink } from "@axon-backup/sink";
import { temporaryFiles } from "@axon-backup/sink-testkit";
import { type HoldingProxy, startHoldingProxy } from "./holding-proxy.js";
import { caught, key, keysOf, open, until } from "./support.js";
import { serverForTests } from "./support-open.js";

/** Milliseconds after which the engine aborts these calls. */
const STALL = 300;

describe("an SFTP sink whose connection goes dead, and no other", function () {
  this.timeout(60_000);
  const started = serverForTests();
  let proxy: HoldingProxy;
  let sink: Sink;

  beforeEach(async () => {
    const { server } = started;
    proxy = await startHoldingProxy(server);
    sink = await open(server, { port: proxy.port, host_key: server.hostKey });
  });
  afterEach(async () => {
    await sink.close();
    await proxy.close();
  });

  const stalls = async (call: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
    const controller = new AbortController();
    const reason = new Error("stalled, says the engine");
    const timer = setTimeout(() => {
      controller.abort(reason);
    }, STALL);
    expect(await caught(call(controller.signal))).to.equal(reason);
    clearTimeout(timer);
  };
  const extend = async (source: Uint8Array, signal?: AbortSignal): Promise<void> => {
    const stored = await sink.extend?.(key, 1_000_000, bytesSource(source), signal && { signal });
    expect(stored?.size).to.equal(1_000_000 + source.byteLength);
  };

  for (const bytes of [0, 20_000, 60_000])
    it(`after ${bytes} bytes of an extend: what arrives of it later doesn't touch what was extended again`, async () => {
      const old = new Uint8Array(1_000_000).fill(1);
      const more = new Uint8Array(200_000).fill(2);
      await sink.put(key, bytesSource(old));
      proxy.holdAfter(bytes);
      await stalls((signal) => extend(more, signal));
      expect(proxy.held).to.be.above(0);
      await extend(more);
      expect(proxy.accepted).to.equal(2);
      await proxy.release();
      expect(Buffer.compare(await readAll(sink.get(key)), Buffer.concat([old, more]))).to.equal(0);
    });

  it("after an extend has cut a longer object: the same", async () => {
    await sink.put(key, bytesSource(new Uint8Array(1_300_000).fill(1)));
    proxy.holdAfter(20_000);
    await stalls((signal) => extend(new Uint8Array(200_000).fill(2), signal));
    await extend(new Uint8Array(200_000).fill(2));
    await proxy.release();
    expect((await readAll(sink.get(key))).byteLength).to.equal(1_200_000);
  });

  const aborted: readonly (readonly [string, (signal: AbortSignal) => Promise<unknown>])[] = [
    ["a stat", (signal) => sink.stat(key, { signal })],
    ["a get", (signal) => readAll(sink.get(key, { signal }))],
    ["a put", (signal) => sink.put(key, bytesSource("new"), { signal })],
  ];
  for (const [name, call] of aborted)
    it(`${name}: it fails with a time-out as such, whose number isn't the server's`, async () => {
      await sink.put(key, bytesSource("old"));
      proxy.holdAfter(0);
      const signal = AbortSignal.timeout(STALL);
      expect(await caught(call(signal))).to.equal(signal.reason);
    });

  const changes: readonly (readonly [string, (signal?: AbortSignal) => Promise<unknown>])[] = [
    ["a put", (signal) => sink.put(key, bytesSource(new Uint8Array(500_000)), signal && { signal })],
    ["a delete", (signal) => sink.delete(key, signal && { signal })],
  ];
  for (const [name, call] of changes)
    it(`${name}: it is reset before anything is tried again`, async () => {
      await sink.put(key, bytesSource("old"));
      proxy.holdAfter(0);
      await stalls(call);
      await call();
      expect(proxy.accepted).to.equal(2);
      expect(proxy.resetBeforeSecond).to.equal(1);
      await sink.removeLeftovers?.();
      expect(await temporaryFiles(started.server.root)).to.deep.equal([]);
    });

  it("at the last step of a put: what arrives of it later doesn't replace what was put after it", async () => {
    await sink.put(key, bytesSource("old"));
    const controller = new AbortController();
    const put = caught(
      sink.put(key, bytesSource("late"), {
        signal: controller.signal,
        onProgress: () => {
          // All is sent but the last step, and the answers to that come yet.
          proxy.holdAfter(0, "pass");
        },
      }),
    );
    await until(() => proxy.held > 0);
    controller.abort(new Error("stop"));
    expect(String(await put)).to.include("stop");
    await sink.put(key, bytesSource("late"));
    await sink.put(key, bytesSource("newer"));
    await proxy.release();
    expect(Buffer.from(await readAll(sink.get(key))).toString()).to.equal("newer");
  });

  const looks: readonly (readonly [string, (signal?: AbortSignal) => Promise<unknown>])[] = [
    ["a stat", (signal) => sink.stat(key, signal && { signal })],
    ["a list", (signal) => keysOf(sink, signal)],
    ["a get", (signal) => readAll(sink.get(key, signal && { signal }))],
    ["an extend", (signal) => extend(new Uint8Array(1), signal)],
  ];
  for (const [name, call] of looks)
    it(`at the first request of ${name}: the next call connects anew`, async () => {
      await sink.put(key, bytesSource(new Uint8Array(1_000_000)));
      proxy.holdAfter(0);
      await stalls(call);
      await call();
      expect(proxy.accepted).to.equal(2);
    });

  it("not dead: an aborted call costs no connection", async () => {
    await sink.put(key, bytesSource("old"));
    // In the tick in which it began.
    const early = new AbortController();
    const begun = caught(sink.stat(key, { signal: early.signal }));
    early.abort(new Error("stop"));
    await begun;
    for (const [, call] of looks.slice(0, 3)) {
      const controller = new AbortController();
      const ended = caught(call(controller.signal));
      await new Promise((resolve) => setImmediate(resolve));
      controller.abort(new Error("stop"));
      await ended;
    }
    await sink.stat(key);
    expect(proxy.accepted).to.equal(1);
  });
});
