import { setImmediate } from "node:timers/promises";
import { bytesSource, isSinkError, objectKey, readAll, type Sink, SinkError } from "@axon-backup/sink";
import { faultySink, gatedSource, memorySink, pattern } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { stallTimeout } from "../dist/index.js";
import { FakeClock, KEY, rejection, store, withoutUnhandled } from "./sink-support.js";

const LIMIT = 60_000;
/** What an aborted call has to end. */
const GRACE = 5000;
const never = new Promise<never>(() => undefined);

/** A sink of which every call hangs and takes no notice of anything. */
function deaf(): Sink {
  const stream = <T>(): AsyncIterable<T> => ({ [Symbol.asyncIterator]: () => ({ next: () => never }) });
  return {
    put: () => never,
    get: () => stream(),
    list: () => stream(),
    stat: () => never,
    delete: () => never,
    close: () => never,
    extend: () => never,
    freeBytes: () => never,
    removeLeftovers: () => never,
  };
}

async function listAll(sink: Sink, signal?: AbortSignal): Promise<void> {
  for await (const object of sink.list("", signal && { signal })) expect(object.size).to.be.at.least(0);
}

describe("the stall time-out", () => {
  let clock: FakeClock;
  beforeEach(() => {
    clock = new FakeClock();
  });

  const calls: readonly (readonly [
    method: string,
    call: (sink: Sink, signal?: AbortSignal) => Promise<unknown> | undefined,
    factor?: number,
  ])[] = [
    ["put", (sink, signal) => sink.put(KEY, bytesSource("x"), signal && { signal })],
    ["extend", (sink, signal) => sink.extend?.(KEY, 1, bytesSource("x"), signal && { signal })],
    ["get", (sink, signal) => readAll(sink.get(KEY, signal && { signal }))],
    ["list", (sink, signal) => listAll(sink, signal)],
    ["stat", (sink, signal) => sink.stat(KEY, signal && { signal })],
    ["delete", (sink, signal) => sink.delete(KEY, signal && { signal })],
    ["freeBytes", (sink, signal) => sink.freeBytes?.(signal && { signal })],
    ["removeLeftovers", (sink, signal) => sink.removeLeftovers?.(signal && { signal }), 10],
  ];
  for (const [method, call, factor = 1] of calls) {
    it(`finds a ${method} that hangs, though the sink ignores its signal, and says what, where and how long`, () =>
      withoutUnhandled(async () => {
        const promise = rejection(Promise.resolve(call(stallTimeout(deaf(), LIMIT, clock))));
        await clock.advance(LIMIT * factor - 1);
        expect(clock.timers).to.equal(1);
        await clock.advance(GRACE + 1);
        const error = await promise;
        expect(isSinkError(error, "transient")).to.equal(true);
        expect(String(error)).to.match(
          new RegExp(`${method} stalled: (nothing moved|no answer) for ${60 * factor} s`),
        );
        expect((error as SinkError).remedy).to.include("timeouts.stall");
        expect(clock.timers).to.equal(0);
      }));

    it(`gives a ${method} up that takes no notice of the outer signal, with its reason`, () =>
      withoutUnhandled(async () => {
        const controller = new AbortController();
        const promise = rejection(
          Promise.resolve(call(stallTimeout(deaf(), LIMIT, clock), controller.signal)),
        );
        await clock.advance(1000);
        const reason = new Error("aborted");
        controller.abort(reason);
        await clock.advance(GRACE);
        expect(await promise).to.equal(reason);
        expect(clock.timers).to.equal(0);
      }));
  }

  it("aborts the call through its signal, and doesn't wait longer than the call takes to end", async () => {
    const inner = faultySink(memorySink(), { put: [{ kind: "hang" }] });
    const put = rejection(store(stallTimeout(inner, LIMIT, clock), "x"));
    await clock.advance(LIMIT);
    expect(String(await put)).to.include("put stalled: nothing moved for 60 s, after 0 of 1 bytes");
    expect(clock.now()).to.equal(LIMIT);
  });

  it("keeps what the sink says when it is aborted as the cause", async () => {
    const cause = new SinkError("transient", "socket hang up");
    const inner: Sink = {
      ...deaf(),
      stat: (_key, options) =>
        new Promise((_, reject) => {
          options?.signal?.addEventListener("abort", () => {
            reject(cause);
          });
        }),
    };
    const stat = rejection(stallTimeout(inner, LIMIT, clock).stat(KEY));
    await clock.advance(LIMIT);
    expect(await stat)
      .to.include({ kind: "transient", cause })
      .and.satisfy((error: Error) => {
        return error.message.startsWith("stat stalled");
      });
  });

  it("takes a call that ends well while it is being aborted for what it is", async () => {
    const inner: Sink = {
      ...deaf(),
      stat: (key, options) =>
        new Promise((resolve) => {
          options?.signal?.addEventListener("abort", () => {
            resolve({ key, size: 5 });
          });
        }),
    };
    const stat = stallTimeout(inner, LIMIT, clock).stat(KEY);
    await clock.advance(LIMIT);
    expect((await stat).size).to.equal(5);
  });

  it("lets a put take as long as it likes while it moves", async () => {
    const inner = memorySink();
    const slow: Sink = {
      ...faultySink(inner),
      put: async (key, source, options) => {
        let size = 0;
        for await (const chunk of source.open(options?.signal)) {
          size += chunk.byteLength;
          await new Promise<void>((resolve) => clock.after(LIMIT - 1, resolve));
        }
        return { key, size };
      },
    };
    const put = stallTimeout(slow, LIMIT, clock).put(KEY, gatedSource(pattern(1024 * 1024), []));
    expect((await clock.until(put)).size).to.equal(1024 * 1024);
    expect(clock.now()).to.be.greaterThan(10 * LIMIT);
  });

  it("starts one timer for a put, however many chunks it has", async () => {
    const started: number[] = [];
    const counted = {
      now: () => clock.now(),
      after: (milliseconds: number, run: () => void) => {
        started.push(milliseconds);
        return clock.after(milliseconds, run);
      },
    };
    await stallTimeout(memorySink(), LIMIT, counted).put(KEY, gatedSource(pattern(2 * 1024 * 1024), []));
    expect(started).to.deep.equal([LIMIT]);
    expect(clock.timers).to.equal(0);
  });

  it("counts from the last move, not from when its timer was started", async () => {
    const source = gatedSource(pattern(200_000), [100_000]);
    const inner: Sink = {
      ...deaf(),
      put: async (_key, given) => {
        for await (const chunk of given.open()) expect(chunk.byteLength).to.be.above(0);
        return never;
      },
    };
    const put = rejection(stallTimeout(inner, LIMIT, clock).put(KEY, source));
    await source.reached(0);
    await clock.advance(LIMIT - 1000);
    source.pass(0);
    await clock.advance(LIMIT - 1000);
    expect(clock.timers).to.equal(1);
    await clock.advance(1000 + GRACE);
    expect(String(await put)).to.include("put stalled: nothing moved for 60 s, after 200000 of 200000 bytes");
    expect(clock.timers).to.equal(0);
  });

  it("finds a put that stops in its middle, or after its last byte", async () => {
    for (const after of [65536, 131072]) {
      const inner: Sink = {
        ...deaf(),
        put: async (_key, source) => {
          let size = 0;
          for await (const chunk of source.open()) if ((size += chunk.byteLength) >= after) break;
          return never;
        },
      };
      const put = rejection(stallTimeout(inner, LIMIT, clock).put(KEY, gatedSource(pattern(131072), [])));
      await clock.advance(LIMIT + GRACE);
      expect(String(await put)).to.include("put stalled: nothing moved for 60 s");
    }
  });

  it("doesn't count the time of a source that gives nothing", async () => {
    const source = gatedSource(pattern(200_000), [0, 100_000]);
    const put = stallTimeout(memorySink(), LIMIT, clock).put(KEY, source);
    for (const gate of [0, 1]) {
      await source.reached(gate);
      await clock.advance(10 * LIMIT);
      source.pass(gate);
    }
    expect((await put).size).to.equal(200_000);
  });

  it("doesn't count the time of a consumer that is slow itself", async () => {
    const sink = stallTimeout(memorySink(), LIMIT, clock);
    await sink.put(KEY, bytesSource(pattern(300_000)));
    let size = 0;
    for await (const chunk of sink.get(KEY)) {
      await clock.advance(10 * LIMIT);
      size += chunk.byteLength;
    }
    for await (const object of sink.list("")) {
      await clock.advance(10 * LIMIT);
      expect(object.key).to.equal(KEY);
    }
    expect(size).to.equal(300_000);
  });

  it("finds a get that stops in its middle", async () => {
    const inner: Sink = {
      ...deaf(),
      async *get() {
        yield await Promise.resolve(pattern(1000));
        await never;
      },
    };
    const get = rejection(readAll(stallTimeout(inner, LIMIT, clock).get(KEY)));
    await clock.advance(LIMIT + GRACE);
    expect(String(await get)).to.include("get stalled: nothing moved for 60 s, after 1000 bytes");
  });

  it("counts what the sink tells of as progress", async () => {
    const inner: Sink = {
      ...deaf(),
      stat: async (key, options) => {
        for (let turn = 0; turn < 5; turn++) {
          await new Promise<void>((resolve) => clock.after(LIMIT - 1, resolve));
          options?.onProgress?.();
        }
        return { key, size: 0 };
      },
    };
    await clock.until(stallTimeout(inner, LIMIT, clock).stat(KEY));
    expect(clock.now()).to.equal(5 * (LIMIT - 1));
  });

  it("releases what a get holds when its consumer stops early", async () => {
    let released = false;
    const inner: Sink = {
      ...deaf(),
      async *get() {
        try {
          for (;;) yield await Promise.resolve(pattern(10));
        } finally {
          released = true;
        }
      },
    };
    for await (const chunk of stallTimeout(inner, LIMIT, clock).get(objectKey("x")))
      if (chunk.byteLength > 0) break;
    expect(released).to.equal(true);
    await setImmediate();
    expect(clock.timers).to.equal(0);
  });
});
