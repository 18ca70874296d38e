import { memorySink } from "@axon-backup/sink-testkit";
import { type CallOptions, type ObjectKey, type Sink, type StoredObject } from "@axon-backup/sink";
import { expect } from "chai";
import { stallTimeout } from "../dist/index.js";
import { FakeClock, KEY, rejection } from "./sink-support.js";

const LIMIT = 60_000;
const STORED: StoredObject = { key: KEY, size: 1 };

/** A sink, watched for stalls, whose `stat` is this one. */
function watched(
  stat: (key: ObjectKey, options?: CallOptions) => Promise<StoredObject>,
  clock = new FakeClock(),
): Sink {
  return stallTimeout(Object.assign(memorySink(), { stat }), LIMIT, clock);
}

describe("the signal of a call", () => {
  it("is given to the next call, and never to two at a time", async () => {
    const free: (() => void)[] = [];
    const signals: AbortSignal[] = [];
    const sink = watched((_key, { signal } = {}) => {
      if (signal) signals.push(signal);
      return new Promise((resolve) => {
        free.push(() => {
          resolve(STORED);
        });
      });
    });
    const [first, second] = [sink.stat(KEY), sink.stat(KEY)];
    expect(signals).to.have.lengthOf(2);
    expect(signals[0]).to.not.equal(signals[1]);
    for (const end of free.splice(0)) end();
    await Promise.all([first, second]);
    const third = sink.stat(KEY);
    expect(signals.slice(0, 2)).to.include(signals[2]);
    for (const end of free) end();
    await third;
  });

  it("isn't given to another one when it was aborted, or when somebody still listens to it", async () => {
    const seen = new Set<AbortSignal>();
    const clock = new FakeClock();
    const hanging = watched((_key, { signal } = {}) => {
      if (signal) seen.add(signal);
      return new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      });
    }, clock);
    const failed = rejection(hanging.stat(KEY));
    await clock.advance(LIMIT);
    await failed;
    let heard = 0;
    const careless = watched((_key, { signal } = {}) => {
      if (signal) seen.add(signal);
      signal?.addEventListener("abort", () => heard++);
      return Promise.resolve(STORED);
    });
    await careless.stat(KEY);
    expect(seen.size).to.equal(2);

    const outer = new AbortController();
    const next = watched((_key, { signal } = {}) => {
      expect(signal?.aborted).to.equal(false);
      expect([...seen]).to.not.include(signal);
      outer.abort(new Error("enough"));
      expect(signal?.aborted).to.equal(true);
      return Promise.resolve(STORED);
    });
    await next.stat(KEY, { signal: outer.signal });
    expect(heard).to.equal(0);
  });
});
