import { randomBytes, randomUUID } from "node:crypto";
import {
  bytesSource,
  isSinkError,
  type ObjectKey,
  objectKey,
  readAll,
  type Sink,
  SinkError,
} from "@axon-backup/sink";

/** Larger than the buffers of most: a short write shows. */
const SIZE = 1024 * 1024 + 17;

/**
 * Tries a sink's promises on the real storage, under a key of its own that is removed afterwards: an object is stored, measured, read,
 * replaced by a shorter one, listed and deleted.
 * @returns what was tried, for people
 * @throws SinkError
 */
export async function checkSink(sink: Sink, signal: AbortSignal): Promise<string> {
  // Without a directory: a sink that makes one might keep it.
  const key = objectKey(`check-${randomUUID()}`);
  try {
    await tryObject(sink, key, randomBytes(SIZE), signal);
    // A shorter object must not keep the tail of the longer one.
    await tryObject(sink, key, randomBytes(1000), signal);
    await expectListed(sink, key, [key], signal);
    await sink.delete(key, { signal });
    await expectAbsent(sink, key, signal);
    await sink.delete(key, { signal });
    await expectListed(sink, key, [], signal);
  } finally {
    // Without the signal: an interrupted check must not leave its object behind.
    await sink.delete(key);
  }
  return "put, get, list and delete keep their promises";
}

async function tryObject(sink: Sink, key: ObjectKey, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const stored = await sink.put(key, bytesSource(bytes), { signal });
  expectThat(stored.size === bytes.length, `put of ${bytes.length} bytes reports ${stored.size}`);
  const { size } = await sink.stat(key, { signal });
  expectThat(size === bytes.length, `after a put of ${bytes.length} bytes, stat tells ${size}`);
  const back = await readAll(sink.get(key, { signal }));
  expectThat(Buffer.compare(back, bytes) === 0, "what is read is not what was written");
  const part = await readAll(sink.get(key, { signal, range: { offset: 500, length: 100 } }));
  expectThat(
    Buffer.compare(part, bytes.subarray(500, 600)) === 0,
    "a range that is read is not that of what was written",
  );
}

async function expectListed(
  sink: Sink,
  prefix: string,
  keys: readonly ObjectKey[],
  signal: AbortSignal,
): Promise<void> {
  const listed: string[] = [];
  for await (const object of sink.list(prefix, { signal })) listed.push(object.key);
  expectThat(
    listed.length === keys.length && listed.every((key, i) => key === keys[i]),
    `a listing has ${listed.length} objects where there must be ${keys.length}`,
  );
}

async function expectAbsent(sink: Sink, key: ObjectKey, signal: AbortSignal): Promise<void> {
  try {
    await sink.stat(key, { signal });
  } catch (error) {
    if (isSinkError(error, "not-found")) return;
    throw error;
  }
  expectThat(false, "a deleted object is still there");
}

function expectThat(condition: boolean, otherwise: string): void {
  if (condition) return;
  throw new SinkError("invalid", `the storage doesn't keep its promises: ${otherwise}`, {
    remedy:
      "Don't keep backups there. Look for what lies between: a cache, a gateway, a file system with weak guarantees.",
  });
}
