import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../support/random.js";
import type { Fault } from "./faults.js";
import type { Journal } from "./journal.js";

/** Seconds between the beginnings of two faults. */
const FAULT_GAP = [3, 14] as const;
/** After so long with faults, there is calm for so long, in a soak of ten minutes or more. */
const TROUBLED_MS = 300_000;
const CALM_MS = 90_000;
/** For so long after a fault, it isn't calm. */
const AFTERMATH_MS = 30_000;

/** Makes faults, chosen by the seed, until it is told to end. */
export class Trouble {
  readonly #under = new Map<string, Promise<void>>();
  /** When faults ended, by whom they were for. */
  readonly #ended = new Map<string, number>();
  readonly #begun = new Map<Fault, number>();
  readonly #ending = new AbortController();

  constructor(
    private readonly faults: readonly Fault[],
    private readonly journal: Journal,
    private readonly random: () => number,
    private readonly minutes: number,
  ) {}

  /** Whether nothing has been the matter with a sink, nor with what all have in common, for some time. */
  isCalm(sink: string): boolean {
    return ["service", "server", sink].every(
      (on) => !this.#under.has(on) && performance.now() - (this.#ended.get(on) ?? 0) > AFTERMATH_MS,
    );
  }

  /** Resolves when it was told to end, and every fault is over. */
  async run(): Promise<void> {
    const isShort = this.minutes < 10;
    const lastThird = performance.now() + (this.minutes * 60_000 * 2) / 3;
    let calm = performance.now() + TROUBLED_MS;
    while (!this.#ending.signal.aborted) {
      if (!isShort && performance.now() > calm) {
        this.journal.note("calm");
        await this.#pause(CALM_MS);
        calm = performance.now() + TROUBLED_MS;
      }
      this.#makeOne(isShort || performance.now() < lastThird);
      const [least, most] = FAULT_GAP;
      const seconds = least + this.random() * (most - least);
      await this.#pause(seconds * (isShort ? 300 : 1000));
    }
    await Promise.all(this.#under.values());
  }

  end(): void {
    this.#ending.abort();
  }

  #makeOne(mayEndProcess: boolean): void {
    const now = performance.now();
    const scale = Math.min(1, this.minutes / 30) * 1000;
    const possible = this.faults.filter(
      (fault) =>
        (mayEndProcess || fault.endsProcess === undefined) &&
        !this.#under.has(fault.on) &&
        now - (this.#begun.get(fault) ?? -Infinity) >= fault.apart * scale,
    );
    let at = this.random() * possible.reduce((sum, { weight }) => sum + weight, 0);
    // Its own, so that what one fault does has no influence on the next ones.
    const own = seededRandom(this.random() * 2 ** 32);
    const fault = possible.find(({ weight }) => (at -= weight) < 0);
    if (fault === undefined || this.#ending.signal.aborted) return;
    const { kind, on } = fault;
    this.#begun.set(fault, now);
    this.journal.count(`fault ${kind}`);
    this.journal.note(`${on}: ${kind}`);
    const under = fault
      .make(own, (milliseconds) => this.#pause(milliseconds))
      .catch((error: unknown) => {
        this.journal.wrong(`${on}: ${kind}: ${error instanceof Error ? error.message : String(error)}`);
      })
      .then(() => {
        this.#under.delete(on);
        this.#ended.set(on, performance.now());
      });
    this.#under.set(on, under);
  }

  async #pause(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.#ending.signal }).catch(() => undefined);
  }
}
