import type { BlockBlobClient } from "@azure/storage-blob";
import {
  type ByteRange,
  type CallOptions,
  gather,
  isSinkError,
  type ObjectKey,
  SinkError,
  checkRange,
} from "@axon-backup/sink";
import { abortBy, type Condition } from "./put.js";
import type { Store } from "./store.js";

/** The bytes of a blob, or of a range. One request: they are of one moment. */
export async function* getBlob(
  store: Store,
  key: ObjectKey,
  { range, signal, onProgress }: CallOptions & { readonly range?: ByteRange } = {},
): AsyncGenerator<Uint8Array, void, void> {
  signal?.throwIfAborted();
  checkRange(range);
  const { offset = 0, length } = range ?? {};
  const blob = store.blob(key);
  if (length === 0) {
    // A range of no bytes can't be asked for.
    const size = await sizeOf(store, key, blob, signal);
    if (offset > size) throw beyond(store, key, offset, size);
    return;
  }
  try {
    const bytes = { offset, ...(length === undefined ? {} : { length }) };
    yield* readBlob(store, key, blob, bytes, signal, {}, onProgress);
  } catch (error) {
    if (!isSinkError(error, "range")) throw error;
    // The service refuses a range that begins at the end, too.
    const size = await sizeOf(store, key, blob, signal);
    if (offset > size) throw beyond(store, key, offset, size);
    if (offset < size) throw new SinkError("transient", `${store.name}${key} was replaced while it was read`);
  }
}

/** Reads without a second try: neither for the request nor, in the middle of the bytes, for the rest. */
export async function* readBlob(
  store: Store,
  key: ObjectKey,
  blob: BlockBlobClient,
  { offset, length }: ByteRange,
  signal: AbortSignal | undefined,
  conditions: Condition = {},
  onProgress?: () => void,
): AsyncGenerator<Uint8Array, void, void> {
  const { readableStreamBody: stream, contentLength } = await store.attempt("read", key, signal, () =>
    blob.download(offset, length, { ...abortBy(signal), conditions: { ...conditions }, maxRetryRequests: 0 }),
  );
  if (stream === undefined) throw new SinkError("transient", `${store.name}${key} came without bytes`);
  const steps = gather(stream as AsyncIterable<Buffer>, contentLength, onProgress);
  try {
    for (;;) {
      const step = await store.attempt("read", key, signal, () => steps.next());
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    // Also when the consumer stops early: the connection is freed.
    await steps.return();
  }
}

async function sizeOf(
  store: Store,
  key: ObjectKey,
  blob: BlockBlobClient,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { contentLength } = await store.attempt("read", key, signal, () =>
    blob.getProperties(abortBy(signal)),
  );
  if (contentLength === undefined)
    throw new SinkError("transient", `Azure gives no size of ${store.name}${key}`);
  return contentLength;
}

function beyond(store: Store, key: ObjectKey, offset: number, size: number): SinkError {
  return new SinkError(
    "range",
    `byte ${offset} is beyond the end of ${store.name}${key}, which has ${size} bytes`,
  );
}
