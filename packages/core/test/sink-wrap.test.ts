import { isSinkError, objectKey, readAll, type Sink, SinkError } from "@axon-backup/sink";
import {
  describeSink,
  failingSource,
  type Fault,
  faultySink,
  hasCapability,
  memorySink,
  type MemoryStorage,
  pattern,
} from "@axon-backup/sink-testkit";
import { expect } from "chai";
import {
  DEFAULT_POLICY,
  DURATION_BOUNDS,
  logging,
  openSink,
  type RetryEvent,
  SinkCounters,
  type SinkHooks,
  type SinkPolicy,
  wrapSink,
} from "../dist/index.js";
import { bare, FakeClock, KEY, read, rejection, store } from "./sink-support.js";

const transient: Fault = { kind: "fail", error: "transient" };

const policy: SinkPolicy = {
  ...DEFAULT_POLICY,
  limits: { upload: 1e12, download: 1e12 },
  retries: { elapsed: 10_000, attempts: 3, base: 1, cap: 1 },
};
const storage: MemoryStorage = new Map();
const connect = () => {
  const hooks = { counters: new SinkCounters(), log: () => undefined };
  return Promise.resolve(wrapSink(memorySink(storage), policy, hooks));
};
describeSink("what wraps every sink", { open: connect, reopen: connect });

describe("what wraps every sink", () => {
  it("has the capabilities of the sink inside, and no others", () => {
    const all = faultySink(memorySink());
    const { ifAbsent } = all.conditional ?? {};
    for (const inner of [bare(all), { ...bare(all), conditional: { ...(ifAbsent && { ifAbsent }) } }, all]) {
      const wrapped = wrapSink<Sink>(inner, policy, { counters: new SinkCounters(), log: () => undefined });
      for (const capability of [
        "extend",
        "conditional.ifAbsent",
        "conditional.ifUnchanged",
        "removeLeftovers",
        "freeBytes",
      ] as const)
        expect(hasCapability(wrapped, capability), capability).to.equal(hasCapability(inner, capability));
    }
  });

  it("lets a call that waits for its next attempt hold no connection", async () => {
    const clock = new FakeClock();
    const sink = wrapSink<Sink>(
      faultySink(memorySink(), { put: [transient] }),
      { ...DEFAULT_POLICY, connections: 1 },
      { clock, random: () => 1 },
    );
    const put = store(sink, "content");
    await clock.advance(100);
    // The put waits for 500 ms; the list is through at once.
    for await (const { key } of sink.list("")) expect.fail(key);
    expect(clock.now()).to.equal(100);
    await clock.until(put);
  });

  it("takes neither a wait for a connection nor a low rate for a stall", async () => {
    const clock = new FakeClock();
    const inner = memorySink();
    const told: RetryEvent[] = [];
    const slow = { ...DEFAULT_POLICY, connections: 1, stall: 1000, limits: { upload: 1000, download: 1000 } };
    const sink = wrapSink<Sink>(inner, slow, { clock, onRetry: (event) => told.push(event) });
    await clock.until(
      Promise.all([store(sink, "a".repeat(9000)), store(sink, "b".repeat(9000), objectKey("b"))]),
    );
    expect(await clock.until(read(sink))).to.have.length(9000);
    expect(clock.now()).to.be.greaterThan(20_000);
    expect(told).to.deep.equal([]);
  });

  it("makes a call that stalled again", async () => {
    const clock = new FakeClock();
    const told: RetryEvent[] = [];
    const counters = new SinkCounters();
    const inner = faultySink(memorySink(), { put: [{ kind: "hang" }], get: [{ kind: "hang" }] });
    const sink = wrapSink<Sink>(inner, DEFAULT_POLICY, {
      clock,
      counters,
      onRetry: (event) => told.push(event),
    });
    await clock.until(store(sink, "content"));
    expect(await clock.until(read(sink))).to.equal("content");
    expect(told.map(({ method, error }) => [method, error.message])).to.deep.equal([
      ["put", "put stalled: nothing moved for 60 s, after 0 of 7 bytes"],
      ["get", "get stalled: nothing moved for 60 s, after 0 bytes"],
    ]);
    expect(counters.snapshot().methods.put).to.include({ calls: 1, retries: 1 });
  });

  it("fails in bounded time when nothing ever answers", async () => {
    const clock = new FakeClock();
    const inner = faultySink(memorySink(), { stat: Array<Fault>(20).fill({ kind: "hang" }) });
    const error = await rejection(clock.until(wrapSink<Sink>(inner, DEFAULT_POLICY, { clock }).stat(KEY)));
    expect(String(error)).to.include("stat stalled").and.to.include("given up after 3 attempts");
    expect(clock.now()).to.be.at.most(4 * 60_000);
  });
});

describe("opening a sink", () => {
  it("is tried again when the storage is away, and told of", async () => {
    const clock = new FakeClock();
    const told: RetryEvent[] = [];
    const hooks: SinkHooks = { clock, onRetry: (event) => told.push(event) };
    let turn = 0;
    const open = () =>
      turn++ < 3
        ? Promise.reject(new SinkError("transient", "connection refused"))
        : Promise.resolve<Sink>(memorySink());
    const sink = await clock.until(openSink(open, DEFAULT_POLICY, hooks));
    await store(sink, "x");
    expect(told.map(({ method, attempt }) => [method, attempt])).to.deep.equal([
      ["open", 1],
      ["open", 2],
      ["open", 3],
    ]);
  });

  it("isn't tried again when that doesn't help", async () => {
    const denied = new SinkError("denied", "wrong password");
    expect(await rejection(openSink(() => Promise.reject(denied)))).to.equal(denied);
  });

  it("that hangs is given up and tried again, and what opens too late is closed", async () => {
    const clock = new FakeClock();
    const late = memorySink();
    let opened: (sink: Sink) => void = () => undefined;
    let turn = 0;
    const open = () =>
      turn++ === 0 ? new Promise<Sink>((resolve) => (opened = resolve)) : Promise.resolve<Sink>(memorySink());
    await clock.until(openSink(open, DEFAULT_POLICY, { clock }));
    expect(late.calls.close).to.equal(0);
    opened(late);
    await clock.advance(0);
    expect(late.calls.close).to.equal(1);
  });
});

describe("counters", () => {
  it("count calls, bytes, errors by kind, retries and durations, and give a copy", async () => {
    const clock = new FakeClock();
    const counters = new SinkCounters();
    const inner = faultySink(memorySink(), { put: [{ kind: "fail-after", count: 100, error: "transient" }] });
    const sink = wrapSink<Sink>(inner, DEFAULT_POLICY, { clock, counters, random: () => 1 });
    const empty = counters.snapshot();
    await clock.until(sink.put(KEY, { size: 1000, open: () => memoryChunks(pattern(1000), 100) }));
    await readAll(sink.get(KEY, { range: { offset: 0, length: 400 } }));
    expect(isSinkError(await rejection(sink.stat(objectKey("none"))), "not-found")).to.equal(true);
    const controller = new AbortController();
    controller.abort(new Error("aborted"));
    await rejection(sink.stat(KEY, { signal: controller.signal }));
    await rejection(sink.put(KEY, failingSource(10, pattern(5), new Error("source"))));
    const { methods, bytesUp, bytesDown } = counters.snapshot();
    expect(bytesDown).to.equal(400);
    // All of it, and what went out before the first attempt failed, and what the source gave that failed.
    expect(bytesUp).to.be.within(1000 + 100 + 5, 1000 + 200 + 5);
    expect(methods.put).to.include({ calls: 2, retries: 1 });
    expect(methods.put?.errors).to.include({ transient: 0, other: 1 });
    expect(methods.stat?.errors).to.include({ "not-found": 1, aborted: 1 });
    expect(methods.get).to.include({ calls: 1, retries: 0 });
    expect(methods.put?.duration.sum).to.be.closeTo(0.5, 0.01);
    expect(methods.put?.duration.buckets[DURATION_BOUNDS.indexOf(0.5)]).to.equal(1);
    expect(methods.put?.duration.buckets.reduce((a, b) => a + b)).to.equal(2);
    expect(empty).to.deep.equal({ methods: {}, bytesUp: 0, bytesDown: 0 });
    expect(JSON.parse(JSON.stringify(counters.snapshot()))).to.deep.equal(counters.snapshot());
  });
});

describe("logging", () => {
  it("has a line for each call, and for each failure its kind", async () => {
    const clock = new FakeClock();
    const lines: unknown[] = [];
    const sink = logging<Sink>(
      faultySink(memorySink(), { delete: [{ kind: "fail", error: "denied" }] }),
      (level, message, fields) => lines.push([level, message, fields]),
      clock,
    );
    await store(sink, "content");
    await read(sink);
    for await (const object of sink.list("contexts/")) expect(object.size).to.equal(7);
    await rejection(sink.delete(KEY));
    await sink.close();
    expect(lines).to.deep.equal([
      ["debug", `put ${KEY}`, { call: "put", key: KEY, milliseconds: 0, bytes: 7 }],
      ["debug", `get ${KEY}`, { call: "get", key: KEY, milliseconds: 0, bytes: 7 }],
      ["debug", "list contexts/", { call: "list", key: "contexts/", milliseconds: 0, objects: 1 }],
      [
        "debug",
        `delete ${KEY} failed`,
        { call: "delete", key: KEY, milliseconds: 0, kind: "denied", error: "delete fails, as scripted" },
      ],
      ["debug", "close", { call: "close", milliseconds: 0 }],
    ]);
  });
});

// eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
async function* memoryChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}
