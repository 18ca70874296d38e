import type { Sink, Source } from "@axon-backup/sink";

/** A writer that stands still now and then, with all its calls, as a suspended machine does: those that are to go out wait, and the answers of those that are out. */
export class StandingStill {
  #standing: Promise<void> | undefined;
  /** How often it stood still so far. */
  pauses = 0;

  /**
   * @param begin called at each moment at which it may begin to; gives what it waits for, if it does
   * (`isWrite`: something is about to take effect, or just has)
   */
  constructor(private readonly begin: (isWrite: boolean) => Promise<void> | undefined) {}

  /** Resolves when it doesn't stand still; it may begin to here. */
  async pass(isWrite = false): Promise<void> {
    const end = this.#standing === undefined ? this.begin(isWrite) : undefined;
    if (end !== undefined) {
      this.pauses++;
      this.#standing = end.then(() => {
        this.#standing = undefined;
      });
    }
    while (this.#standing !== undefined) await this.#standing;
  }

  /** `inner` as this writer uses it. */
  around(inner: Sink): Sink {
    const call = async <T>(work: () => Promise<T>, isWrite = false): Promise<T> => {
      await this.pass(isWrite);
      try {
        return await work();
      } finally {
        await this.pass(isWrite);
      }
    };
    const { ifAbsent, ifUnchanged } = inner.conditional ?? {};
    return {
      put: (key, source, options) => call(() => inner.put(key, this.#source(source), options), true),
      get: (key, options) => this.#stream(() => inner.get(key, options)),
      stat: (key, options) => call(() => inner.stat(key, options)),
      list: (prefix, options) => this.#stream(() => inner.list(prefix, options)),
      delete: (key, options) => call(() => inner.delete(key, options), true),
      close: () => inner.close(),
      ...(inner.conditional && {
        conditional: {
          ...(ifAbsent && {
            ifAbsent: (key, source, options) =>
              call(() => ifAbsent(key, this.#source(source), options), true),
          }),
          ...(ifUnchanged && {
            ifUnchanged: (key, version, source, options) =>
              call(() => ifUnchanged(key, version, this.#source(source), options), true),
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
    return { size: source.size, open: (signal) => this.#stream(() => source.open(signal), true) };
  }

  async *#stream<T>(open: () => AsyncIterable<T>, isWrite = false): AsyncGenerator<T, void, void> {
    await this.pass();
    for await (const item of open()) {
      await this.pass();
      yield item;
      await this.pass(isWrite);
    }
  }
}
