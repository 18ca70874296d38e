/** Work that gets on nowhere for so long is stuck: every call to a storage and to the server has a time-out that is shorter. Milliseconds. */
const STUCK = 1_800_000;

interface Working {
  readonly name: string;
  /** What changes as long as work gets on; undefined while there is none. */
  progress(): string | undefined;
}

/** Tells whether workers get on. */
export class Heartbeats {
  readonly #last = new Map<string, { readonly progress: string | undefined; readonly since: number }>();

  /** @param now by the steady clock @returns the names of those that are stuck */
  stuck(workers: readonly Working[], now: number): readonly string[] {
    return workers.filter((worker) => this.#isStuck(worker, now)).map(({ name }) => name);
  }

  #isStuck(worker: Working, now: number): boolean {
    const progress = worker.progress();
    const last = this.#last.get(worker.name);
    if (progress === undefined || last?.progress !== progress) {
      this.#last.set(worker.name, { progress, since: now });
      return false;
    }
    return now - last.since > STUCK;
  }
}
