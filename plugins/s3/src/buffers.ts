/** Size of a part of an upload, unless the object is so large that more than 10,000 would be needed. */
export const PART_BYTES = 8 * 1024 * 1024;
/** All buffers of a sink together. With what Node and the SDK need, a process stays below 200 MB. */
const BUDGET_BYTES = 6 * PART_BYTES;

interface Waiter {
  readonly size: number;
  readonly grant: () => void;
}

/**
 * Buffers of all uploads of a sink, within a budget: who asks for more than is left waits for its turn, in the order of asking. One that is
 * larger than the whole budget is given when no other is out. Buffers of a part's size are used again.
 *
 * Nobody may ask for a second one while holding one that waits for something else than the storage, or all could wait for each other.
 */
export class Buffers {
  readonly #spare: Buffer[] = [];
  readonly #waiting: Waiter[] = [];
  #used = 0;

  /** Rejects with the signal's reason when aborted. */
  async acquire(size: number, signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    if (this.#waiting.length > 0 || !this.#fits(size)) await this.#turn(size, signal);
    else this.#used += size;
    return size === PART_BYTES
      ? (this.#spare.pop() ?? Buffer.allocUnsafeSlow(size))
      : Buffer.allocUnsafe(size);
  }

  /** Gives back a buffer that nobody reads any more. */
  release(buffer: Buffer): void {
    this.#used -= buffer.byteLength;
    if (buffer.byteLength === PART_BYTES) this.#spare.push(buffer);
    this.#serve();
    // An agent that waits for its next run needs no memory.
    if (this.#used === 0) this.#spare.length = 0;
  }

  #fits(size: number): boolean {
    return this.#used === 0 || this.#used + size <= BUDGET_BYTES;
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.size); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#used += next.size;
      next.grant();
    }
  }

  #turn(size: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        const at = this.#waiting.indexOf(waiter);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal?.reason as Error);
        // Whoever stood behind this one may need less.
        this.#serve();
      };
      const waiter: Waiter = {
        size,
        grant: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#waiting.push(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
