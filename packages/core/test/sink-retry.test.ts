import { bytesSource, isSinkError, objectKey, readAll, type Sink, SinkError } from "@axon-backup/sink";
import {
  chunkedSource,
  failingSource,
  type Fault,
  faultySink,
  hasCapability,
  memorySink,
  pattern,
} from "@axon-backup/sink-testkit";
import { expect } from "chai";
import fc from "fast-check";
import { retry, type RetryEvent, type RetryOptions } from "../dist/index.js";
import { bare, FakeClock, KEY, keysOf, read, rejection, store } from "./sink-support.js";

const transient: Fault = { kind: "fail", error: "transient" };
const lostAnswer: Fault = { kind: "fail-after-effect", error: "transient" };

describe("retry", () => {
  let clock: FakeClock;
  let told: RetryEvent[];
  let options: RetryOptions;
  beforeEach(() => {
    clock = new FakeClock();
    told = [];
    options = { clock, random: () => 1, onRetry: (event) => told.push(event) };
  });

  it("makes a call that failed transiently again, waits longer each time, and tells of it", async () => {
    const inner = faultySink(memorySink(), { put: [transient, lostAnswer, transient] });
    const stored = await clock.until(store(retry(inner, options), "content"));
    expect(stored.size).to.equal(7);
    expect(await read(inner)).to.equal("content");
    expect(told.map(({ method, key, attempt, wait }) => [method, key, attempt, wait])).to.deep.equal([
      ["put", KEY, 1, 500],
      ["put", KEY, 2, 1000],
      ["put", KEY, 3, 2000],
    ]);
    expect(told[0]?.error.message).to.include("as scripted");
    expect(clock.time).to.equal(3500);
  });

  it("tells once that a call isn't made again any more: it got on, was given up, or ended", async () => {
    const over: unknown[] = [];
    const tell = { ...options, onRetried: (call: unknown) => over.push(call) };
    const put = { method: "put", key: KEY };
    await clock.until(store(retry(faultySink(memorySink(), { put: [transient] }), tell), "x"));
    expect(over.splice(0)).to.deep.equal([put]);
    await store(retry(memorySink(), tell), "x");
    expect(over, "nothing was made again").to.deep.equal([]);
    const denied: Fault = { kind: "fail", error: "denied" };
    await clock.until(
      rejection(store(retry(faultySink(memorySink(), { put: [transient, denied] }), tell), "x")),
    );
    const policy = { elapsed: 0, attempts: 2, base: 1, cap: 1 };
    const dead = faultySink(memorySink(), { put: [transient, transient, transient] });
    await clock.until(rejection(store(retry(dead, { ...tell, policy }), "x")));
    expect(over.splice(0)).to.deep.equal([put, put]);
    const stored = memorySink();
    await store(stored, "content");
    const reading = retry(faultySink(stored, { get: [transient] }), tell);
    expect(await clock.until(read(reading))).to.equal("content");
    expect(over).to.deep.equal([{ method: "get", key: KEY }]);
  });

  it("waits between half and all of each step", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 9 }),
        async (chances) => {
          told = [];
          const inner = faultySink(memorySink(), { put: chances.map(() => transient) });
          let turn = 0;
          const policy = { elapsed: 1e9, attempts: 1, base: 100, cap: 3000 };
          const sink = retry(inner, { ...options, policy, random: () => chances[turn++] ?? 0 });
          await clock.until(store(sink, "x"));
          for (const [index, { wait }] of told.entries()) {
            const step = Math.min(3000, 100 * 2 ** index);
            expect(wait).to.be.within(step / 2, step);
          }
        },
      ),
    );
  });

  for (const kind of ["not-found", "range", "denied", "invalid", "full", "conflict"] as const)
    it(`doesn't repeat what failed with ${kind}`, async () => {
      const inner = faultySink(memorySink(), { put: [{ kind: "fail", error: kind }] });
      expect(isSinkError(await rejection(store(retry(inner, options), "x")), kind)).to.equal(true);
      expect(told).to.deep.equal([]);
    });

  it("doesn't repeat for a source that fails, even with an error that looks transient", async () => {
    for (const error of [new Error("disk"), new SinkError("transient", "the other sink")]) {
      const source = failingSource(100, pattern(50), error);
      expect(await rejection(retry(memorySink(), options).put(KEY, source))).to.equal(error);
    }
    expect(told).to.deep.equal([]);
  });

  it("gives up when the time is used up, with the attempts, the last error as cause, and its remedy", async () => {
    const error = new SinkError("transient", "busy", { remedy: "Wait." });
    const inner = faultySink(memorySink(), { stat: Array<Fault>(50).fill({ kind: "fail", error }) });
    const policy = { elapsed: 60_000, attempts: 1, base: 500, cap: 10_000 };
    const failure = await rejection(clock.until(retry(inner, { ...options, policy }).stat(KEY)));
    expect(failure).to.include({ kind: "transient", remedy: "Wait.", cause: error });
    expect(String(failure)).to.match(/busy \(given up after 11 attempts in 60\.0 s\)/);
    expect(clock.time).to.equal(60_000);
  });

  it("makes the least number of attempts however long each takes", async () => {
    const slow = memorySink();
    const inner: Sink = Object.assign(Object.create(slow) as Sink, {
      put: async () => {
        await clock.advance(600_000);
        throw new SinkError("transient", "cut off");
      },
    });
    const failure = await rejection(clock.until(store(retry(inner, options), "x")));
    expect(String(failure)).to.include("given up after 3 attempts");
    // The sink had no advice of its own.
    expect((failure as SinkError).remedy).to.include("retries.for");
  });

  it("gives the error itself when one attempt is all there is", async () => {
    const error = new SinkError("transient", "busy");
    const inner = faultySink(memorySink(), { put: [{ kind: "fail", error }] });
    const policy = { elapsed: 0, attempts: 1, base: 500, cap: 500 };
    expect(await rejection(store(retry(inner, { ...options, policy }), "x"))).to.equal(error);
  });

  it("ends at once, with the signal's reason, when aborted while it waits", async () => {
    const inner = faultySink(memorySink(), { put: [transient], get: [transient], list: [transient] });
    const sink = retry(inner, options);
    const calls = [
      (signal: AbortSignal) => sink.put(KEY, bytesSource("x"), { signal }),
      (signal: AbortSignal) => readAll(sink.get(KEY, { signal })),
      async (signal: AbortSignal) => {
        for await (const object of sink.list("", { signal })) expect.fail(object.key);
      },
    ];
    for (const call of calls) {
      const controller = new AbortController();
      const promise = call(controller.signal);
      promise.catch(() => undefined);
      await clock.advance(1);
      const reason = new Error("aborted");
      controller.abort(reason);
      expect(await rejection(promise)).to.equal(reason);
      expect(clock.timers).to.equal(0);
    }
    expect(told).to.have.length(3);
  });

  it("gives the same content as a sink that never fails, whatever fails on the way", async function () {
    this.timeout(30_000);
    const content = pattern(300 * 1024, 7);
    const fault = fc.oneof(
      fc.constant<Fault>({ kind: "pass" }),
      fc.constant(transient),
      fc.constant(lostAnswer),
      fc.nat(320 * 1024).map((count): Fault => ({ kind: "fail-after", count, error: "transient" })),
    );
    const faults = fc.array(fault, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        fc.record({ put: faults, extend: faults, get: faults, list: faults, stat: faults, delete: faults }),
        fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 5 }),
        async (script, chunks) => {
          const inner = memorySink();
          const sink = retry(faultySink(inner, script), options);
          await clock.until(sink.put(KEY, chunkedSource(content, chunks)));
          const rest = chunkedSource(content.subarray(250 * 1024), chunks);
          await clock.until(Promise.resolve(sink.extend?.(KEY, 250 * 1024, rest)));
          await clock.until(store(sink, "other", objectKey("gone")));
          await clock.until(sink.delete(objectKey("gone")));
          const found = await clock.until(readAll(sink.get(KEY, { range: { offset: 5, length: 280_000 } })));
          expect(Buffer.compare(found, content.subarray(5, 280_005))).to.equal(0);
          expect(Buffer.compare(await clock.until(readAll(sink.get(KEY))), content)).to.equal(0);
          expect((await clock.until(sink.stat(KEY))).size).to.equal(content.byteLength);
          expect(await clock.until(keysOf(sink))).to.deep.equal([KEY]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("has the capabilities of the sink inside, and no others", () => {
    // Compiles: what a sink surely has, its decorated form surely has.
    const full: Sink & Required<Pick<Sink, "extend" | "conditional">> = retry(memorySink());
    expect(hasCapability(full, "extend")).to.equal(true);
    expect(hasCapability(full, "conditional.ifAbsent")).to.equal(true);
    const least: Sink = retry(bare(memorySink()));
    expect(Object.keys(least).sort()).to.deep.equal(["close", "delete", "get", "list", "put", "stat"]);
  });
});
