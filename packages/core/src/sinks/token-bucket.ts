import { type Clock, sleep, systemClock } from "./clock.js";

/** A bucket holds what comes in a tenth of a second: little enough to be smooth, and more than timers are off. */
const BURST_SECONDS = 0.1;
const MIN_BURST = 1024;

/**
 * Bytes per second, as a token bucket: in any span of time, at most `burst` and what the rate gives in it are let through, and what it gives in
 * the time by which a timer was late (waits are whole milliseconds): that is made up for. Those who wait are served in the order in which they came.
 */
export class TokenBucket {
  /** Most that `take` may be asked for at once, in bytes. */
  readonly burst: number;
  /** Below zero: promised to those that wait. */
  #tokens: number;
  #filled: number;

  /** @param rate bytes per second, above 0 */
  constructor(
    private readonly rate: number,
    private readonly clock: Clock = systemClock,
  ) {
    if (!(rate > 0 && Number.isFinite(rate))) throw new RangeError(`not a rate: ${rate} bytes per second`);
    this.burst = Math.max(MIN_BURST, Math.floor(rate * BURST_SECONDS));
    this.#tokens = this.burst;
    this.#filled = clock.now();
  }

  /** Waits until `bytes`, at most `burst`, may pass. Rejects with the signal's reason; the bytes then count as not passed. */
  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (bytes > this.burst) throw new RangeError(`${bytes} bytes are more than a burst of ${this.burst}`);
    signal?.throwIfAborted();
    const now = this.clock.now();
    this.#tokens = Math.min(this.burst, this.#tokens + ((now - this.#filled) / 1000) * this.rate);
    this.#filled = now;
    this.#tokens -= bytes;
    if (this.#tokens >= 0) return;
    try {
      await sleep(this.clock, Math.ceil((-this.#tokens / this.rate) * 1000), signal);
    } catch (error) {
      this.#tokens += bytes;
      throw error;
    }
  }
}
