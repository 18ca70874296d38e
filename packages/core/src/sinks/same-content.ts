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
    return (await sameBytes(sink.get(key, options), source.open(signal))) ? stored : undefined;
  } catch (error) {
    if (isSinkError(error, "not-found")) return undefined;
    throw error;
  }
}

/** Whether two streams give the same bytes, in whatever chunks. Holds a chunk of each. */
async function sameBytes(a: AsyncIterable<Uint8Array>, b: AsyncIterable<Uint8Array>): Promise<boolean> {
  const other = b[Symbol.asyncIterator]();
  try {
    let rest: Uint8Array = new Uint8Array(0);
    for await (const chunk of a) {
      for (let at = 0; at < chunk.byteLength;) {
        if (rest.byteLength === 0) {
          const step = await other.next();
          if (step.done === true) return false;
          rest = step.value;
        }
        const length = Math.min(rest.byteLength, chunk.byteLength - at);
        if (Buffer.compare(rest.subarray(0, length), chunk.subarray(at, at + length)) !== 0) return false;
        rest = rest.subarray(length);
        at += length;
      }
    }
    if (rest.byteLength > 0) return false;
    for (let step = await other.next(); step.done !== true; step = await other.next())
      if (step.value.byteLength > 0) return false;
    return true;
  } finally {
    await other.return?.();
  }
}
