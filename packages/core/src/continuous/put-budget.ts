import type { Clock } from "../sinks/clock.js";
import type { PutRate } from "./types.js";

/** How many whole objects may be put: what belongs together may go at once, and what comes after it waits the longer. */
export class PutBudget {
  #free = -Infinity;

  constructor(
    private readonly rate: PutRate,
    private readonly clock: Clock,
  ) {}

  /** Milliseconds until one may be put; 0 for now. */
  wait(): number {
    return Math.max(0, this.#free - this.clock.now());
  }

  spend(count: number): void {
    const pause = this.rate.per / this.rate.count;
    this.#free = Math.max(this.clock.now(), this.#free) + count * pause;
  }
}
