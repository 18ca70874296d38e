import type { RetriedCall, RetryEvent } from "@axon-backup/core";

/** A call to a sink that fails, and is made again. */
export interface RetriedNow {
  /** When it failed first. */
  readonly since: Date;
  /** How often it has failed. */
  readonly attempts: number;
  /** When it is made again. */
  readonly retry: Date;
  readonly error: Error;
}

/** The calls to one sink that are being made again. */
export class Retries {
  readonly #calls = new Map<string, RetriedNow>();

  constructor(private readonly now: () => Date = () => new Date()) {}

  begun({ attempt, wait, error, ...call }: RetryEvent): void {
    const now = this.now();
    const since = this.#calls.get(keyOf(call))?.since ?? now;
    this.#calls.set(keyOf(call), { since, attempts: attempt, retry: new Date(now.getTime() + wait), error });
  }

  over(call: RetriedCall): void {
    this.#calls.delete(keyOf(call));
  }

  /** The one that has failed for the longest time. */
  get oldest(): RetriedNow | undefined {
    let oldest: RetriedNow | undefined;
    for (const call of this.#calls.values())
      if (oldest === undefined || call.since < oldest.since) oldest = call;
    return oldest;
  }
}

function keyOf({ method, key }: RetriedCall): string {
  return `${method} ${key ?? ""}`;
}
