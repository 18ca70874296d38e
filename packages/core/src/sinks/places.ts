import { onAbort } from "./signals.js";

/** Whoever holds a place and doesn't need it just now. */
export interface Lender {
  /** Whether somebody else has the place. */
  lent: boolean;
}

/** A number of places, given to those who wait in the order in which they came. */
export class Places {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  readonly #lenders = new Set<Lender>();

  /** @param limit from 1 */
  constructor(limit: number) {
    if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError(`not a number of places: ${limit}`);
    this.#free = limit;
  }

  /** Waits for a place. Rejects with the signal's reason when aborted before there is one. */
  take(signal?: AbortSignal): Promise<void> {
    return this.#take(signal, "last");
  }

  /** Ends the holding of a place: the next one has it. */
  give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }

  /**
   * Says that a held place may be had by others, from now until `takeBack`. It goes to somebody only when one more begins to wait: that may be a call
   * that the holder's own progress depends on. Those that wait already don't get it, or a holder would lose it at every step.
   */
  lend(lender: Lender): void {
    this.#lenders.add(lender);
  }

  /** Ends lending; waits for a place, before all others, if it is lent. Rejects with the signal's reason; `end` is called nevertheless. */
  async takeBack(lender: Lender, signal?: AbortSignal): Promise<void> {
    this.#lenders.delete(lender);
    if (!lender.lent) return;
    await this.#take(signal, "first");
    lender.lent = false;
  }

  /** Ends the holding of a place that may be lent. */
  end(lender: Lender): void {
    this.#lenders.delete(lender);
    if (!lender.lent) this.give();
  }

  #take(signal: AbortSignal | undefined, order: "first" | "last"): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#free > 0) {
        this.#free--;
        resolve();
        return;
      }
      const turn = (): void => {
        release();
        resolve();
      };
      const release = onAbort(signal, (reason) => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(reason);
      });
      if (order === "first") this.#waiting.unshift(turn);
      else this.#waiting.push(turn);
      this.#useLent();
    });
  }

  #useLent(): void {
    for (const lender of this.#lenders) {
      this.#lenders.delete(lender);
      lender.lent = true;
      this.#waiting.shift()?.();
      return;
    }
  }
}
