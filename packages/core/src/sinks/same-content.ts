import { createHash } from "node:crypto";
import { isSinkError, type ObjectKey, type Sink, type Source, type StoredObject } from "@axon-backup/sink";

/**
 * The object under `key` if it has exactly the source's bytes; undefined if it has others, or is gone. Its version is from before the
 * comparison: if the object is replaced meanwhile, a put under the condition that it is unchanged fails, as it should.
 */
export async function sameContent(
  sink: Sink,
  key: ObjectKey,
  source: Source,
  signal: AbortSignal | undefined,
): Promise<StoredObject | undefined> {
  const options = signal === undefined ? {} : { signal };
  try {
    const stored = await sink.stat(key, options);
    if (stored.size !== source.size) return undefined;
    const theirs = await hashOf(sink.get(key, options));
    return (await hashOf(source.open(signal))) === theirs ? stored : undefined;
  } catch (error) {
    if (isSinkError(error, "not-found")) return undefined;
    throw error;
  }
}

/** One after the other: a source may ask the storage something before it gives its last bytes, and there may be no more than one connection. */
async function hashOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}
