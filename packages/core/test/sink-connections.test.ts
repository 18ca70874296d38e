import { setImmediate } from "node:timers/promises";
import { bytesSource, isSinkError, objectKey, readAll, type Sink } from "@axon-backup/sink";
import { faultySink, gatedSource, memorySink, pattern } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import fc from "fast-check";
import { connections } from "../dist/index.js";
import { KEY, rejection, store } from "./sink-support.js";

describe("connections", () => {
  it("lets so many calls run at a time, and serves the others in their order", async () => {
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const inner: Sink = {
      ...faultySink(memorySink()),
      stat: async (key) => {
        order.push(Number(key.slice(1)));
        most = Math.max(most, ++running);
        await setImmediate();
        running--;
        return { key, size: 0 };
      },
    };
    const sink = connections(inner, 3);
    await Promise.all(Array.from({ length: 20 }, (_, index) => sink.stat(objectKey(`k${index}`))));
    expect(most).to.equal(3);
    expect(order).to.deep.equal(Array.from({ length: 20 }, (_, index) => index));
  });

  it("gives a place back when a call fails, a stream ends, fails, or is given up, and to waiters that stay when one is aborted", async () => {
    const inner = faultySink(memorySink());
    await store(inner, "content");
    const sink = connections(inner, 1);
    inner.script("get", { kind: "pass" }, { kind: "fail", error: "denied" });
    await readAll(sink.get(KEY));
    expect(isSinkError(await rejection(readAll(sink.get(KEY))), "denied")).to.equal(true);
    for await (const chunk of sink.get(KEY)) if (chunk.byteLength > 0) break;
    for await (const object of sink.list("")) if (object.size > 0) break;
    expect(await rejection(sink.stat(objectKey("none")))).to.include({ kind: "not-found" });

    const source = gatedSource(pattern(100), [50]);
    const put = sink.put(KEY, source);
    await source.reached(0);
    const controller = new AbortController();
    const aborted = rejection(sink.stat(KEY, { signal: controller.signal }));
    const waiting = sink.stat(KEY);
    const reason = new Error("aborted");
    controller.abort(reason);
    expect(await aborted).to.equal(reason);
    source.passAll();
    await put;
    expect((await waiting).size).to.equal(100);
  });

  it("counts a get until it ends", async () => {
    const sink = connections(memorySink(), 1);
    await sink.put(KEY, bytesSource(pattern(200 * 1024)));
    const iterator = sink.get(KEY)[Symbol.asyncIterator]();
    await iterator.next();
    let done = false;
    const stat = sink.stat(KEY).then(() => (done = true));
    await setImmediate();
    expect(done).to.equal(false);
    await iterator.return?.();
    expect(await stat).to.equal(true);
  });

  it("closes without waiting", async () => {
    const sink = connections(memorySink(), 1);
    const source = gatedSource(pattern(100), [50]);
    const put = sink.put(KEY, source);
    await source.reached(0);
    await sink.close();
    source.passAll();
    await put;
  });

  it("lets calls be made for each object of a list, however few places there are, and never more at a time", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
        async (limit, lists) => {
          let running = 0;
          let most = 0;
          const memory = memorySink();
          for (let index = 0; index < 5; index++) await store(memory, "x", objectKey(`k${index}`));
          const inner: Sink = {
            ...faultySink(memory),
            stat: async (key) => {
              most = Math.max(most, ++running);
              await setImmediate();
              running--;
              return memory.stat(key);
            },
          };
          const sink = connections(inner, limit);
          await Promise.all(
            lists.map(async (each) => {
              let count = 0;
              for await (const { key } of sink.list("")) {
                count++;
                if (each) await sink.stat(key);
                else await setImmediate();
              }
              expect(count).to.equal(5);
            }),
          );
          expect(most).to.be.at.most(limit);
          // All places are free again.
          const iterators = Array.from({ length: limit }, () =>
            sink.get(objectKey("k0"))[Symbol.asyncIterator](),
          );
          for (const iterator of iterators) await iterator.next();
          for (const iterator of iterators) await iterator.return?.();
        },
      ),
      { numRuns: 100 },
    );
  });

  it("refuses a number of places that is none", () => {
    for (const limit of [0, -1, 1.5, Number.NaN])
      expect(() => connections(memorySink(), limit)).to.throw(RangeError);
  });
});
