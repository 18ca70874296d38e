/** Lets the waits of one call end as soon as its signal is aborted, with one listener for all of them. */
export class Interrupt {
  readonly #waiting = new Set<(reason: unknown) => void>();
  readonly #onAbort = (): void => {
    for (const reject of this.#waiting) reject(this.signal?.reason);
    this.#waiting.clear();
  };

  constructor(readonly signal: AbortSignal | undefined) {
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** `promise`, or the signal's reason if that is first; what the promise then comes to is nobody's concern. */
  async race<T>(promise: Promise<T>): Promise<T> {
    if (this.signal === undefined) return promise;
    if (this.signal.aborted) {
      promise.catch(() => undefined);
      throw this.signal.reason;
    }
    let leave: ((reason: unknown) => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        leave = reject;
        this.#waiting.add(reject);
        promise.then(resolve, reject);
      });
    } finally {
      if (leave) this.#waiting.delete(leave);
    }
  }

  /**
   * As `race`, for what mustn't be left half done: after an abort it still gets `grace` milliseconds, and its result stands if it comes in time.
   */
  async finish(promise: Promise<void>, grace: number): Promise<"done" | "unknown"> {
    try {
      await this.race(promise);
    } catch (error) {
      if (this.signal?.aborted !== true) throw error;
      if ((await within(promise, grace)) === undefined) return "unknown";
    }
    return "done";
  }

  release(): void {
    this.signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** What `promise` resolves to in time, if it does. Rejects as it does. */
export async function within<T>(
  promise: Promise<T>,
  milliseconds: number,
): Promise<{ readonly value: T } | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise.then((value) => ({ value })), late]);
  } finally {
    clearTimeout(timer);
  }
}
