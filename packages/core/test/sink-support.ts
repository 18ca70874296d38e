import { setImmediate } from "node:timers/promises";
import { bytesSource, objectKey, readAll, type Sink } from "@axon-backup/sink";
import type { Clock } from "../dist/index.js";

/** Time that goes on only when told to. */
export class FakeClock implements Clock {
  time = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.time;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.time + milliseconds, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Lets what is ready run, then the time pass, with every timer that is due on the way. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      await setImmediate();
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#fire(next);
    }
    this.time = end;
    await setImmediate();
  }

  /** Whenever nothing else is ready, jumps to the next timer, until the promise settles. Gives what the promise gives. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const state = { settled: false };
    const end = (): void => {
      state.settled = true;
    };
    promise.then(end, end);
    for (let idle = 0; idle < 1000; idle++) {
      await setImmediate();
      if (state.settled) return promise;
      const next = this.#next();
      if (next === undefined) continue;
      idle = 0;
      this.#fire(next);
    }
    throw new Error("nothing goes on, and no timer runs");
  }

  #next() {
    return [...this.#timers].sort((a, b) => a.at - b.at)[0];
  }

  #fire(timer: { readonly at: number; readonly run: () => void }): void {
    this.#timers.delete(timer);
    this.time = Math.max(this.time, timer.at);
    timer.run();
  }
}

export const KEY = objectKey("contexts/default/object");

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export async function read(sink: Sink, key = KEY): Promise<string> {
  return new TextDecoder().decode(await readAll(sink.get(key)));
}

export function store(sink: Sink, text: string, key = KEY) {
  return sink.put(key, bytesSource(text));
}

/** The keys that a list gives, in its order. */
export async function keysOf(sink: Sink): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of sink.list("")) keys.push(key);
  return keys;
}

/** Whether a call stores an object, under whatever condition. */
export function isPut(method: string): boolean {
  return method === "put" || method === "ifAbsent" || method === "ifUnchanged";
}

/** A sink without any optional capability. */
export function bare(inner: Sink): Sink {
  return {
    put: (key, source, options) => inner.put(key, source, options),
    get: (key, options) => inner.get(key, options),
    stat: (key, options) => inner.stat(key, options),
    list: (prefix, options) => inner.list(prefix, options),
    delete: (key, options) => inner.delete(key, options),
    close: () => inner.close(),
  };
}

/** What the promise rejects with. Fails when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it was to reject, and resolved");
}

/** Fails the test when a rejection that nobody handles comes up while `body` runs. */
export async function withoutUnhandled(body: () => Promise<void>): Promise<void> {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  try {
    await body();
    await setImmediate();
    await setImmediate();
  } finally {
    process.off("unhandledRejection", note);
  }
  if (unhandled.length > 0) throw new Error(`unhandled: ${unhandled.map(String).join(", ")}`);
}
