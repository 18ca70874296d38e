import { setImmediate } from "node:timers/promises";
import type { Time } from "../dist/service/time.js";

/** Time that passes when a test says so. */
export class FakeTime implements Time {
  #steady = 1_000_000;
  #wall: number;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  constructor(start = "2026-11-24T12:00:00Z") {
    this.#wall = new Date(start).getTime();
  }

  readonly clock = {
    now: (): number => this.#steady,
    after: (milliseconds: number, run: () => void): (() => void) => {
      const timer = { at: this.#steady + milliseconds, run };
      this.#timers.add(timer);
      return () => {
        this.#timers.delete(timer);
      };
    },
  };

  readonly now = (): Date => new Date(this.#wall);

  /** Lets everything go on that waits for nothing but its turn. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await setImmediate();
  }

  /** So many milliseconds pass, with everything that is due in them. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#steady + milliseconds;
    await this.settle();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      const [next] = due;
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#go(Math.max(0, next.at - this.#steady));
      next.run();
      await this.settle();
    }
    this.#go(end - this.#steady);
    await this.settle();
  }

  /** The time of day is set, forward or back; nothing else notices. */
  set(by: number): void {
    this.#wall += by;
  }

  /** The machine sleeps: timers and the steady clock stand still. */
  sleep(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  #go(milliseconds: number): void {
    this.#steady += milliseconds;
    this.#wall += milliseconds;
  }
}
