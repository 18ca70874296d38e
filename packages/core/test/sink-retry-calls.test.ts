import {
  bytesSource,
  isSinkError,
  objectKey,
  readAll,
  type Sink,
  SinkError,
  type SinkMethod,
  type StoredObject,
} from "@axon-backup/sink";
import { chunkedSource, type Fault, faultySink, memorySink, pattern } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { retry } from "../dist/index.js";
import { FakeClock, KEY, keysOf, read, rejection, store } from "./sink-support.js";

const transient: Fault = { kind: "fail", error: "transient" };
const lostAnswer: Fault = { kind: "fail-after-effect", error: "transient" };

describe("retry of a get", () => {
  const content = pattern(500 * 1024, 3);
  const clock = new FakeClock();

  it("goes on where it stopped: every byte once", async () => {
    const inner = memorySink();
    await inner.put(KEY, bytesSource(content));
    const ranges: unknown[] = [];
    const faulty = faultySink(inner, {
      get: [100_000, 300_000, 150_000].map((count) => ({ kind: "fail-after", count, error: "transient" })),
    });
    const watched: Sink = {
      ...faulty,
      get: (key, options) => {
        ranges.push(options?.range);
        return faulty.get(key, options);
      },
    };
    const found = await clock.until(readAll(retry(watched, { clock }).get(KEY)));
    expect(Buffer.compare(found, content)).to.equal(0);
    // Each begins one overlap of 64 KiB before the byte that is needed.
    expect(ranges).to.deep.equal([
      undefined,
      { offset: 0 },
      { offset: 4 * 65536 - 65536 },
      { offset: 5 * 65536 - 65536 },
    ]);
  });

  it("isn't given up as long as bytes come", async () => {
    const inner = memorySink();
    await inner.put(KEY, bytesSource(content));
    const cut: Fault = { kind: "fail-after", count: 140_000, error: "transient" };
    const faulty = faultySink(inner, { get: Array<Fault>(6).fill(cut) });
    const policy = { elapsed: 0, attempts: 2, base: 1, cap: 1 };
    const found = await clock.until(readAll(retry(faulty, { clock, policy }).get(KEY)));
    expect(Buffer.compare(found, content)).to.equal(0);
  });

  const others: readonly (readonly [what: string, bytes: Uint8Array])[] = [
    ["other bytes", pattern(500 * 1024, 4)],
    ["fewer bytes", content.subarray(0, 50_000)],
    ["no bytes", new Uint8Array(0)],
  ];
  for (const [what, other] of others)
    it(`fails when the object was replaced meanwhile by one with ${what}`, async () => {
      const inner = memorySink();
      await inner.put(KEY, bytesSource(content));
      const faulty = faultySink(inner, { get: [{ kind: "fail-after", count: 350_000, error: "transient" }] });
      const iterator = retry(faulty, { clock }).get(KEY)[Symbol.asyncIterator]();
      await iterator.next();
      await iterator.next();
      // The first get has a view of the old bytes.
      await inner.put(KEY, bytesSource(other));
      const rest = async (): Promise<void> => {
        while ((await iterator.next()).done !== true);
      };
      const error = await rejection(clock.until(rest()));
      expect(isSinkError(error, "transient")).to.equal(true);
      expect(String(error)).to.include("was replaced while it was being read, after 327680 bytes");
    });

  it("ends when all bytes of its range were given before the failure", async () => {
    const inner = memorySink();
    await inner.put(KEY, bytesSource(content));
    const faulty = faultySink(inner, { get: [{ kind: "fail-after-effect", error: "transient" }] });
    const range = { offset: 10, length: 1000 };
    const found = await clock.until(readAll(retry(faulty, { clock }).get(KEY, { range })));
    expect(Buffer.compare(found, content.subarray(10, 1010))).to.equal(0);
  });
});

describe("retry of a list", () => {
  it("gives each object once, in whatever order the second attempt has them", async () => {
    const clock = new FakeClock();
    const inner = memorySink();
    for (let index = 0; index < 50; index++) await store(inner, "x", objectKey(`object${index}`));
    let attempt = 0;
    const shuffled: Sink = {
      ...faultySink(inner),
      async *list(prefix, options) {
        const all: StoredObject[] = [];
        for await (const object of inner.list(prefix, options)) all.push(object);
        if (attempt++ % 2 === 1) all.reverse();
        yield* all.slice(0, attempt * 15);
        if (attempt * 15 < all.length) throw new SinkError("transient", "cut off");
      },
    };
    const keys = await clock.until(keysOf(retry(shuffled, { clock })));
    expect(keys).to.have.length(50);
    expect(new Set(keys).size).to.equal(50);
  });
});

describe("retry of a conditional put", () => {
  let clock: FakeClock;
  beforeEach(() => {
    clock = new FakeClock();
  });

  const run = async (faults: readonly Fault[], meanwhile?: string, method: SinkMethod = "ifAbsent") => {
    const inner = memorySink();
    const version = method === "ifUnchanged" ? (await store(inner, "before")).version : undefined;
    const faulty = faultySink(inner, { [method]: faults, get: [transient], stat: [transient] });
    const sink = retry(faulty, { clock });
    const source = chunkedSource(new TextEncoder().encode("lease of A"), [3, 4]);
    const call =
      version === undefined
        ? sink.conditional?.ifAbsent?.(KEY, source)
        : sink.conditional?.ifUnchanged?.(KEY, version, source);
    call?.catch(() => undefined);
    await clock.advance(1);
    if (meanwhile !== undefined) await store(inner, meanwhile);
    return { inner, result: await clock.until(Promise.resolve(call)) };
  };

  for (const method of ["ifAbsent", "ifUnchanged"] as const) {
    it(`${method}: takes its own object, whose answer was lost, for its own`, async () => {
      const { inner, result } = await run([lostAnswer], undefined, method);
      expect(result).to.deep.include({ size: 10, version: (await inner.stat(KEY)).version });
      expect(await read(inner)).to.equal("lease of A");
    });

    for (const other of ["lease of B", "another lease, longer"])
      it(`${method}: leaves another's object (${other})`, async () => {
        const error = await rejection(run([transient], other, method));
        expect(isSinkError(error, "conflict")).to.equal(true);
      });

    it(`${method}: stores when the first attempt did nothing`, async () => {
      const { inner } = await run([transient], undefined, method);
      expect(await read(inner)).to.equal("lease of A");
    });
  }

  it("rejects with a conflict at the first attempt as it is, whatever stands there", async () => {
    const inner = memorySink();
    await store(inner, "lease of A");
    const put = retry(inner, { clock }).conditional.ifAbsent?.(KEY, bytesSource("lease of A"));
    expect(isSinkError(await rejection(Promise.resolve(put)), "conflict")).to.equal(true);
  });
});
