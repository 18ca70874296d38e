import { bytesSource, type ObjectKey, type Sink, type Source, type StoredObject } from "@axon-backup/sink";
import type { MemorySink } from "@axon-backup/sink-testkit";

/** A memory sink that breaks one promise, and the cases that must notice (others may, too). */
export interface BrokenSink {
  readonly name: string;
  readonly caughtBy: readonly string[];
  /** A sink over `inner`; shares its storage with other connections. */
  readonly make: (inner: MemorySink) => Partial<Sink>;
}

export const SHOWS_NOTHING = "shows nothing of a put that is still running";
export const MIDDLE = "passes on the error of a source that fails in the middle";
export const STAYS = "lists all that stays, and nothing twice, while objects come and go";
export const MORE_THAN_A_PAGE = "lists more objects than a page, each once, with its size";

/** Reads a source into an array whatever it gives. */
export async function slurp(
  source: Source,
  signal?: AbortSignal,
  each?: (bytes: Uint8Array) => void,
): Promise<Buffer> {
  let all = Buffer.alloc(0);
  for await (const chunk of source.open(signal)) {
    all = Buffer.concat([all, chunk]);
    each?.(all);
  }
  return all;
}

export function directly(inner: MemorySink, key: ObjectKey, bytes: Uint8Array): Promise<StoredObject> {
  return inner.put(key, bytesSource(bytes));
}

export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
