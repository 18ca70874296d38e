/**
 * Something opened per name (a directory, say) that calls share while they run side by side: the first one opens it, the last one closes it. What is older
 * than `maxAge` milliseconds isn't shared any further: the next call opens it anew, and sees what has changed.
 */
export class Shared<T> {
  readonly #entries = new Map<string, Entry<T>>();

  constructor(
    private readonly open: (name: string) => Promise<T>,
    private readonly close: (value: T) => Promise<void>,
    private readonly maxAge: number,
  ) {}

  /** Calls `work` with what `name` stands for. Rejects with the error of opening it, of `work`, or of closing it. */
  async use<Result>(name: string, work: (value: T) => Promise<Result>): Promise<Result> {
    const entry = this.#enter(name);
    try {
      return await work(await entry.value);
    } finally {
      if (--entry.users === 0) await this.#leave(name, entry);
    }
  }

  #enter(name: string): Entry<T> {
    const now = performance.now();
    const known = this.#entries.get(name);
    if (known !== undefined && now - known.since <= this.maxAge) {
      known.users++;
      return known;
    }
    const entry = { value: this.open(name), users: 1, since: now };
    this.#entries.set(name, entry);
    return entry;
  }

  async #leave(name: string, entry: Entry<T>): Promise<void> {
    if (this.#entries.get(name) === entry) this.#entries.delete(name);
    // What couldn't be opened has been reported by `use`, and needs no closing.
    const opened = await entry.value.then(
      (value) => ({ value }),
      () => undefined,
    );
    if (opened) await this.close(opened.value);
  }
}

interface Entry<T> {
  readonly value: Promise<T>;
  readonly since: number;
  users: number;
}
