import type { BlobRequestConditions, BlockBlobClient, BlockBlobUploadOptions } from "@azure/storage-blob";
import {
  exactly,
  isSinkError,
  type ObjectKey,
  type PutOptions,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { BlockIds } from "./block-ids.js";
import { BLOCK_BYTES, blockBytes, SMALL_BYTES } from "./plan.js";
import { md5, stageBlocks } from "./stage.js";
import type { Store } from "./store.js";
import { stored } from "./stored.js";

/** What must hold for a put, decided by the service in one step with it. */
export type Condition = Pick<BlobRequestConditions, "ifMatch" | "ifNoneMatch">;

/** Creates or replaces a blob: in one request when it is small, otherwise by blocks that become the blob when they are committed. */
export async function putBlob(
  store: Store,
  key: ObjectKey,
  source: Source,
  options: PutOptions = {},
  conditions: Condition = {},
): Promise<StoredObject> {
  options.signal?.throwIfAborted();
  // What is to be extended needs blocks: a blob that was put in one request has none.
  const most =
    options.kind === "open-segment" ? SMALL_BYTES : Math.min(BLOCK_BYTES, store.blockSize ?? BLOCK_BYTES);
  return source.size <= most
    ? putWhole(store, key, source, options, conditions)
    : putBlocks(store, key, source, options, conditions);
}

async function putWhole(
  store: Store,
  key: ObjectKey,
  source: Source,
  { signal, kind, onProgress }: PutOptions,
  conditions: Condition,
): Promise<StoredObject> {
  const bytes = Buffer.allocUnsafeSlow(source.size);
  let filled = 0;
  for await (const chunk of exactly(source, signal)) {
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  }
  const sum = md5(bytes);
  // The type lacks the MD5, which the SDK hands on all the same; if it ever doesn't, the answer shows it.
  const upload: BlockBlobUploadOptions & { transactionalContentMD5: Uint8Array } = {
    ...abortBy(signal),
    conditions: { ...conditions },
    transactionalContentMD5: sum,
    ...(onProgress && { onProgress }),
    ...store.tier(kind),
  };
  const answer = await store.attempt("put", key, signal, () =>
    store.blob(key).upload(bytes, bytes.byteLength, upload),
  );
  // The service's own sum over what it has stored: that confirms the size, too.
  if (answer.contentMD5 !== undefined && sum.equals(answer.contentMD5))
    return stored(key, bytes.byteLength, answer);
  return confirm(store, key, bytes.byteLength, answer.etag, signal);
}

async function putBlocks(
  store: Store,
  key: ObjectKey,
  source: Source,
  options: PutOptions,
  conditions: Condition,
): Promise<StoredObject> {
  const { signal } = options;
  const blob = store.blob(key);
  const ids = await stageBlocks(
    store,
    {
      key,
      blob,
      ids: new BlockIds(await lengthOfIds(store, key, blob, signal)),
      blockBytes: blockBytes(source.size, store.blockSize),
      size: source.size,
      open: (signal) => exactly(source, signal),
      onProgress: options.onProgress,
    },
    signal,
  );
  return commit(store, key, blob, ids, source.size, options, conditions);
}

/** An ID of a block that waits to be committed, if there is one: new ones must have its length. */
async function lengthOfIds(
  store: Store,
  key: ObjectKey,
  blob: BlockBlobClient,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const { uncommittedBlocks } = await store.attempt("put", key, signal, () =>
      blob.getBlockList("uncommitted", abortBy(signal)),
    );
    return uncommittedBlocks?.[0]?.name;
  } catch (error) {
    if (isSinkError(error, "not-found")) return undefined;
    throw error;
  }
}

/** Makes the blob of these blocks, in one step, and confirms it. */
export async function commit(
  store: Store,
  key: ObjectKey,
  blob: BlockBlobClient,
  ids: readonly string[],
  size: number,
  { signal, kind }: PutOptions,
  conditions: Condition,
): Promise<StoredObject> {
  const { etag } = await store.attempt("put", key, signal, () =>
    blob.commitBlockList([...ids], {
      ...abortBy(signal),
      conditions: { ...conditions },
      ...store.tier(kind),
    }),
  );
  return confirm(store, key, size, etag, signal);
}

/** Asks the service for the blob that it has just stored, and compares the size. */
async function confirm(
  store: Store,
  key: ObjectKey,
  size: number,
  etag: string | undefined,
  signal: AbortSignal | undefined,
): Promise<StoredObject> {
  const facts = await store.attempt("confirm", key, signal, () =>
    store.blob(key).getProperties(abortBy(signal)),
  );
  if (facts.etag !== etag)
    throw new SinkError(
      "transient",
      `${store.name}${key} was replaced by another writer while it was confirmed`,
    );
  if (facts.contentLength !== size)
    throw new SinkError(
      "transient",
      `${store.name}${key} has ${facts.contentLength ?? "no"} bytes after ${size} were stored`,
    );
  return stored(key, size, facts);
}

export function abortBy(signal: AbortSignal | undefined): { readonly abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
