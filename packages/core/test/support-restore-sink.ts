import { isObjectKey, type ObjectKey, objectKey, type Sink } from "@axon-backup/sink";
import { type MemorySink, memorySink } from "@axon-backup/sink-testkit";

/** A sink in memory that gives small chunks, of odd sizes, in one buffer: whoever keeps a chunk is found out. */
export function testSink(
  memory: MemorySink = memorySink(),
  chunkBytes = 4099,
): Sink & { readonly memory: MemorySink } {
  const bound = (key: string): unknown => {
    const value: unknown = Reflect.get(memory, key);
    return typeof value === "function" ? (value.bind(memory) as unknown) : value;
  };
  const get: Sink["get"] = async function* (key, options) {
    const buffer = Buffer.alloc(chunkBytes);
    for await (const bytes of memory.get(key, options))
      for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
        const chunk = bytes.subarray(at, at + chunkBytes);
        buffer.set(chunk);
        yield buffer.subarray(0, chunk.byteLength);
      }
  };
  return new Proxy(memory, {
    get: (_, key) => (key === "get" ? get : key === "memory" ? memory : bound(String(key))),
  }) as unknown as Sink & { readonly memory: MemorySink };
}

/** Changes an object behind the sink's back. */
export function tamper(
  memory: MemorySink,
  key: string,
  change: (bytes: Buffer) => Uint8Array | undefined,
): void {
  const object = memory.storage.get(objectKey(key));
  if (!object) throw new Error(`there is no ${key}`);
  const bytes = change(Buffer.from(object.bytes));
  if (bytes === undefined) memory.storage.delete(objectKey(key));
  else memory.storage.set(objectKey(key), { ...object, bytes });
}

/** The keys of what is stored, sorted. */
export function storedKeys(memory: MemorySink): ObjectKey[] {
  return [...memory.storage.keys()].filter(isObjectKey).sort();
}
