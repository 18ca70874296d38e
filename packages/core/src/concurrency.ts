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
