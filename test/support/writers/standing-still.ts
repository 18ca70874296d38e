import { setTimeout as delay } from "node:timers/promises";
import type { Sink, Source } from "@axon-backup/sink";

/** A writer that stands still now and then, with all its calls, as a suspended machine does: those that are to go out wait, and the answers of those that are out. */
export class StandingStill {
  #until = 0;
  /** How often it stood still so far. */
  pauses = 0;

  /**
   * @param random from 0 to 1, as Math.random
   * @param chance of standing still, at each of the moments at which it may
   * @param longest milliseconds
   */
  constructor(
    private readonly random: () => number,
    private readonly chance: number,
    private readonly longest: number,
  ) {}

  /** Resolves when it doesn't stand still; it may begin to here. */
  async pass(): Promise<void> {
    if (this.random() < this.chance && this.#until < performance.now()) {
      this.pauses++;
      this.#until = performance.now() + this.longest * this.random();
    }
    for (let left = this.#left(); left > 0; left = this.#left()) await delay(left);
  }

  #left(): number {
    return this.#until - performance.now();
  }

  /** `inner` as this writer uses it. */
  around(inner: Sink): Sink {
    const call = async <T>(work: () => Promise<T>): Promise<T> => {
      await this.pass();
      try {
        return await work();
      } finally {
        await this.pass();
      }
    };
    const { ifAbsent, ifUnchanged } = inner.conditional ?? {};
    return {
      put: (key, source, options) => call(() => inner.put(key, this.#source(source), options)),
      get: (key, options) => this.#stream(() => inner.get(key, options)),
      stat: (key, options) => call(() => inner.stat(key, options)),
      list: (prefix, options) => this.#stream(() => inner.list(prefix, options)),
      delete: (key, options) => call(() => inner.delete(key, options)),
      close: () => inner.close(),
      ...(inner.conditional && {
        conditional: {
          ...(ifAbsent && {
            ifAbsent: (key, source, options) => call(() => ifAbsent(key, this.#source(source), options)),
          }),
          ...(ifUnchanged && {
            ifUnchanged: (key, version, source, options) =>
              call(() => ifUnchanged(key, version, this.#source(source), options)),
          }),
        },
      }),
      ...(inner.removeLeftovers && {
        removeLeftovers: (options) => call(() => inner.removeLeftovers?.(options) ?? Promise.resolve(0)),
      }),
    };
  }

  /** Stands still in the middle of a put, too: when its last bytes are there, and it has not taken effect. */
  #source(source: Source): Source {
    return { size: source.size, open: (signal) => this.#stream(() => source.open(signal)) };
  }

  async *#stream<T>(open: () => AsyncIterable<T>): AsyncGenerator<T, void, void> {
    await this.pass();
    for await (const item of open()) {
      await this.pass();
      yield item;
      await this.pass();
    }
  }
}
