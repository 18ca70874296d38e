import { setMaxListeners } from "node:events";

/**
 * Calls `work` for every item, up to `limit` at a time, and gives the results in the items' order. The first failure (or the outer signal)
 * aborts the others' signal; it is thrown once none of them runs any more.
 */
export async function mapConcurrent<Item, Result>(
  items: readonly Item[],
  limit: number,
  outer: AbortSignal | undefined,
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const failed = new AbortController();
  const signal = outer ? AbortSignal.any([outer, failed.signal]) : failed.signal;
  // Each piece of work under way may listen more than once: many listeners are no leak here.
  setMaxListeners(0, signal);
  const results: Result[] = [];
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < items.length && !signal.aborted) {
      const index = next++;
      try {
        // The index is below the length: there is an item.
        results[index] = await work(items[index] as Item, signal);
      } catch (error) {
        failure ??= { error };
        failed.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failure) throw failure.error;
  outer?.throwIfAborted();
  return results;
}

/** What all of them resolve with, once none of them runs any more; or the first one's failure then, in their order. */
export async function together<const Work extends readonly unknown[]>(
  ...work: Work
): Promise<{ -readonly [Index in keyof Work]: Awaited<Work[Index]> }> {
  const outcomes = await Promise.allSettled(work);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  return Promise.all(work);
}

/** Lets at most `limit` pieces of work run at a time; the others wait their turn, first come, first served. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async pass<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The place goes on to the next one, or is free.
      if (next) next();
      else this.#free++;
    }
  }
}
