import { once } from "node:events";
import { expect } from "chai";
import { bytesSource, isSinkError, readAll, type Sink, type Source } from "@axon-backup/sink";
import { type FaultProxy, startFaultProxy } from "@axon-backup/test-servers";
import { refusal, startHttpProxy } from "./http-proxy.js";
import { bytes, failure, key, keysOf, login, MiB, type Storage, through, withAzurite } from "./support.js";

async function withFaults(
  { server, open }: Storage,
  body: (sink: Sink, proxy: FaultProxy) => Promise<void>,
): Promise<void> {
  const proxy = await startFaultProxy({ target: server });
  try {
    const sink = await open(login(server, through(server, proxy.port)));
    await body(sink, proxy);
    await sink.close();
  } finally {
    await proxy.close();
  }
}

withAzurite("a connection that breaks", (storage) => {
  for (const size of [MiB, 20 * MiB])
    it(`in the middle of a put of ${size} bytes leaves the old object, and the next put works`, () =>
      withFaults(storage(), async (sink, proxy) => {
        await sink.put(key, bytesSource("old"));
        proxy.cutAfter(size / 2);
        expect((await failure(sink.put(key, bytesSource(bytes(size))))).kind).to.equal("transient");
        expect(Buffer.from(await readAll(sink.get(key))).toString()).to.equal("old");
        expect((await sink.stat(key)).size).to.equal(3);
        const all = bytes(size);
        await sink.put(key, bytesSource(all));
        expect(all.equals(await readAll(sink.get(key)))).to.be.true;
      }));

  it("in the middle of an extend leaves the object", () =>
    withFaults(storage(), async (sink, proxy) => {
      const before = bytes(5 * MiB);
      await sink.put(key, bytesSource(before));
      proxy.cutAfter(6 * MiB);
      expect((await failure(sink.extend?.(key, 5 * MiB, bytesSource(bytes(9 * MiB))))).kind).to.equal(
        "transient",
      );
      expect(before.equals(await readAll(sink.get(key)))).to.be.true;
    }));

  it("in the middle of a get fails the get, and nothing is read again", () =>
    withFaults(storage(), async (sink, proxy) => {
      await sink.put(key, bytesSource(bytes(8 * MiB)));
      proxy.cutAfter(4 * MiB, { direction: "down" });
      const { accepted } = proxy;
      let size = 0;
      const reading = async (): Promise<void> => {
        for await (const chunk of sink.get(key)) size += chunk.byteLength;
      };
      expect((await failure(reading())).kind).to.equal("transient");
      expect(size).to.be.below(4 * MiB);
      expect(proxy.accepted).to.equal(accepted);
    }));

  it("with a reset is transient", () =>
    withFaults(storage(), async (sink, proxy) => {
      const source: Source = {
        size: 9 * MiB,
        // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
        async *open() {
          yield bytes(8 * MiB);
          proxy.stall();
          proxy.reset();
          yield bytes(MiB);
        },
      };
      const put = failure(sink.put(key, source));
      // What is sent on a new connection would wait for ever.
      setImmediate(() => void proxy.pass());
      await put.then(
        ({ kind }) => expect(kind).to.equal("transient"),
        // All blocks had arrived before the reset: then nothing was lost.
        (error: unknown) => expect(String(error)).to.include("should have failed"),
      );
    }));

  it("by a server that is gone is transient, and over when it is back", () =>
    withFaults(storage(), async (sink, proxy) => {
      await proxy.refuse();
      proxy.reset();
      expect((await failure(sink.put(key, bytesSource("x")))).kind).to.equal("transient");
      await proxy.pass();
      await sink.put(key, bytesSource("x"));
      expect(await keysOf(sink)).to.deep.equal([key]);
    }));
});

async function back(sink: Sink): Promise<void> {
  for (;;)
    try {
      await sink.stat(key);
      return;
    } catch (error) {
      if (!isSinkError(error, "transient")) throw error;
    }
}

withAzurite("a connection that stalls", (storage) => {
  it("is left at once when the call is aborted, with the signal's reason", () =>
    withFaults(storage(), async (sink, proxy) => {
      await sink.put(key, bytesSource(bytes(8 * MiB)));
      const reason = new Error("too slow");
      const aborting = async (call: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
        const controller = new AbortController();
        proxy.stall();
        const running = call(controller.signal).then(
          () => "resolved",
          (error: unknown) => error,
        );
        setTimeout(() => {
          controller.abort(reason);
        }, 50);
        expect(await running).to.equal(reason);
        proxy.reset();
        await proxy.pass();
        // Until the client has noticed that its idle connections are gone.
        await back(sink);
      };
      await aborting((signal) => sink.put(key, bytesSource("new"), { signal }));
      await aborting((signal) => sink.put(key, bytesSource(bytes(9 * MiB)), { signal }));
      await aborting((signal) => sink.stat(key, { signal }));
      await aborting((signal) => sink.list("", { signal })[Symbol.asyncIterator]().next());
      await aborting(async (signal) => sink.extend?.(key, 8 * MiB, bytesSource("new"), { signal }));
      await aborting((signal) => readAll(sink.get(key, { signal })));
      expect((await sink.stat(key)).size).to.equal(8 * MiB);
    }));

  it("is left when the sink is closed, and a get in its middle is aborted", () =>
    withFaults(storage(), async (sink, proxy) => {
      await sink.put(key, bytesSource(bytes(8 * MiB)));
      const reading = sink.get(key)[Symbol.asyncIterator]();
      await reading.next();
      proxy.stall();
      const rest = async (): Promise<void> => {
        while ((await reading.next()).done !== true);
      };
      const failed = failure(rest());
      const stat = failure(sink.stat(key));
      await sink.close();
      expect((await failed).message).to.include("closed");
      expect((await stat).message).to.include("closed");
      await proxy.pass();
      expect((await failure(sink.stat(key))).message).to.include("closed");
    }));
});

withAzurite("bytes that are damaged on the way", (storage) => {
  for (const [what, size] of [
    ["a small object", 1000],
    ["a block", 5 * MiB],
  ] as const)
    it(`are refused by the service: ${what}`, async () => {
      const { server, open, sink } = storage();
      const proxy = await startHttpProxy(({ body }) => {
        if (body.byteLength >= 1000) body[500] = (body[500] ?? 0) ^ 1;
        return { goOn: { body } };
      }, server);
      try {
        const damaging = await open(login(server, through(server, proxy.port)));
        const error = await failure(damaging.put(key, bytesSource(bytes(size))));
        expect(error.kind).to.equal("transient");
        expect(error.message).to.include("MD5");
        expect(await keysOf(sink)).to.deep.equal([]);
      } finally {
        await proxy.close();
      }
    });
});

withAzurite("a service that fails", (storage) => {
  for (const [status, code] of [
    [503, "ServerBusy"],
    [500, "InternalError"],
    [500, "OperationTimedOut"],
  ] as const)
    it(`with ${status} ${code} is transient, and asked once`, async () => {
      const { server, open, sink } = storage();
      await sink.put(key, bytesSource("old"));
      let failing = false;
      const proxy = await startHttpProxy(() => (failing ? refusal(status, code) : { goOn: {} }), server);
      try {
        const through_ = await open(login(server, through(server, proxy.port)));
        failing = true;
        for (const call of [
          () => through_.put(key, bytesSource("new")),
          () => through_.stat(key),
          () => readAll(through_.get(key)),
          () => keysOf(through_),
          () => through_.delete(key),
        ]) {
          const before = proxy.seen.length;
          expect((await failure(call())).kind).to.equal("transient");
          expect(proxy.seen.length).to.equal(before + 1);
        }
        expect(Buffer.from(await readAll(sink.get(key))).toString()).to.equal("old");
      } finally {
        await proxy.close();
      }
    });

  it("in the middle of a large put ends it at once, though the source waits", async () => {
    const { server, open } = storage();
    const proxy = await startHttpProxy(
      ({ url }) =>
        url.includes("comp=block&") || url.endsWith("comp=block") ? refusal(503, "ServerBusy") : { goOn: {} },
      server,
    );
    try {
      const sink = await open(login(server, through(server, proxy.port)));
      const waiting = new AbortController();
      const source: Source = {
        size: 9 * MiB,
        async *open() {
          yield bytes(5 * MiB);
          await once(waiting.signal, "abort");
        },
      };
      expect((await failure(sink.put(key, source))).kind).to.equal("transient");
      waiting.abort();
    } finally {
      await proxy.close();
    }
  });
});
