import { isSinkError, SinkError, type SinkMethod } from "@axon-backup/sink";
import { type Clock, sleep, systemClock } from "./clock.js";

/** When a call that fails is made again, and when it is given up. Milliseconds. */
export interface RetryPolicy {
  /** A call is given up once it has failed for this long, counted from its first failure (for reads: since bytes last came). */
  readonly elapsed: number;
  /** But it is made this often at least, however long each takes: a large put may take longer than `elapsed`. From 1. */
  readonly attempts: number;
  /** Wait after the first failure; doubled with each one. What is really waited is between half of it and all of it. */
  readonly base: number;
  /** Longest wait. */
  readonly cap: number;
}

export const DEFAULT_RETRIES: RetryPolicy = { elapsed: 120_000, attempts: 3, base: 500, cap: 30_000 };

/** A call failed and will be made again. */
export interface RetryEvent {
  readonly method: SinkMethod | "open";
  /** The object's key; of `list`, the prefix. */
  readonly key: string | undefined;
  /** Which attempt failed, from 1. */
  readonly attempt: number;
  /** Milliseconds until the next one. */
  readonly wait: number;
  readonly error: SinkError;
}

/** A call that is, or was, made again. */
export type RetriedCall = Pick<RetryEvent, "method" | "key">;

export interface RetryOptions {
  readonly policy?: RetryPolicy;
  /** Told of each retry before it is waited for. Must not throw. */
  readonly onRetry?: ((event: RetryEvent) => void) | undefined;
  /** Told that a call of which a retry was told isn't made again: it got on, was given up, or was aborted. Must not throw. */
  readonly onRetried?: ((call: RetriedCall) => void) | undefined;
  readonly clock?: Clock;
  /** From 0 to below 1, as Math.random. */
  readonly random?: () => number;
}

/** Where the sink knows nothing better. */
const REMEDY =
  "See the storage's own log or status page, and the network. The next run goes on from here. retries.for of this sink says how long a call is tried.";

/** The attempts of one call. */
export class Attempts {
  #failures = 0;
  #since: number | undefined;

  constructor(
    private readonly call: Pick<RetryEvent, "method" | "key">,
    private readonly signal: AbortSignal | undefined,
    private readonly options: RetryOptions,
  ) {}

  /** Something was achieved that later attempts needn't do again, or all of it: what comes is a first failure again. */
  progressed(): void {
    if (this.#failures > 0) this.options.onRetried?.(this.call);
    this.#failures = 0;
    this.#since = undefined;
  }

  /**
   * Waits until the next attempt should be made. Rejects when there should be none: with `error`, when it won't go away by itself, or was the only
   * one; with a SinkError that names the attempts and has `error` as its cause, when they are used up; with the signal's reason.
   */
  async failed(error: unknown): Promise<void> {
    try {
      await this.#waitForNext(error);
    } catch (reason) {
      if (this.#failures > 0) this.options.onRetried?.(this.call);
      throw reason;
    }
  }

  async #waitForNext(error: unknown): Promise<void> {
    if (this.signal?.aborted === true || !isSinkError(error, "transient")) throw error;
    const { policy = DEFAULT_RETRIES, onRetry, clock = systemClock, random = Math.random } = this.options;
    const now = clock.now();
    this.#since ??= now;
    this.#failures++;
    const left = this.#since + policy.elapsed - now;
    if (left <= 0 && this.#failures >= policy.attempts) throw this.#givenUp(error, now - this.#since);
    const step = Math.min(policy.cap, policy.base * 2 ** (this.#failures - 1));
    // Half of it is left to chance, so that calls that failed together aren't made again together. The last attempt is when time is up.
    const chosen = step / 2 + (random() * step) / 2;
    const wait = left > 0 ? Math.min(chosen, left) : chosen;
    onRetry?.({ ...this.call, attempt: this.#failures, wait, error });
    await sleep(clock, wait, this.signal);
  }

  #givenUp(error: SinkError, elapsed: number): SinkError {
    if (this.#failures === 1) return error;
    return new SinkError(
      "transient",
      `${error.message} (given up after ${this.#failures} attempts in ${(elapsed / 1000).toFixed(1)} s)`,
      { cause: error, remedy: error.remedy ?? REMEDY },
    );
  }
}

/** Makes a call until it succeeds or is given up. */
export async function attemptAgain<T>(attempts: Attempts, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const result = await call();
      attempts.progressed();
      return result;
    } catch (error) {
      await attempts.failed(error);
    }
  }
}
