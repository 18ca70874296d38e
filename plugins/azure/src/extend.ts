import type { BlobGetPropertiesResponse, BlockBlobClient } from "@azure/storage-blob";
import {
  exactly,
  isSinkError,
  type ObjectKey,
  type PutOptions,
  SinkError,
  type Source,
  type StoredObject,
  checkKeep,
} from "@axon-backup/sink";
import { BlockIds } from "./block-ids.js";
import { readBlob } from "./get.js";
import { blockBytes, type CommittedBlock, planExtend } from "./plan.js";
import { abortBy, commit } from "./put.js";
import { stageBlocks } from "./stage.js";
import type { Store } from "./store.js";
import { stored } from "./stored.js";

/**
 * Grows a blob: the blocks that it has stay where they are, new ones are put behind them, and both become the blob in one step. Until then, and if it fails, the
 * blob is as it was. Only what a block has beyond, or before, the kept bytes is read and sent again.
 */
export async function extendBlob(
  store: Store,
  key: ObjectKey,
  keep: number,
  source: Source,
  options: PutOptions = {},
): Promise<StoredObject> {
  const { signal } = options;
  signal?.throwIfAborted();
  checkKeep(keep);
  const blob = store.blob(key);
  const { facts, size, etag, blocks, like } = await look(store, key, blob, signal);
  if (size < keep)
    throw new SinkError(
      "range",
      `${store.name}${key} has ${size} bytes, and ${keep} of them were to be kept`,
    );
  if (size === keep && source.size === 0) return stored(key, size, facts);
  const total = keep + source.size;
  const plan = planExtend(blocks, size, keep, source.size);
  const open = async function* (signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const range = { offset: plan.from, length: keep - plan.from };
    if (range.length > 0) yield* readBlob(store, key, blob, range, signal, { ifMatch: etag });
    yield* exactly(source, signal);
  };
  try {
    const ids = await stageBlocks(
      store,
      {
        key,
        blob,
        ids: new BlockIds(like),
        blockBytes: blockBytes(total, store.blockSize),
        size: total - plan.from,
        open,
        onProgress: options.onProgress,
      },
      signal,
    );
    return await commit(store, key, blob, [...plan.blocks, ...ids], total, options, { ifMatch: etag });
  } catch (error) {
    if (isSinkError(error, "conflict"))
      throw new SinkError("transient", `${store.name}${key} was replaced while it was extended`, {
        cause: error,
      });
    throw error;
  }
}

/** What is there to be extended, all of one moment. */
interface Found {
  readonly facts: BlobGetPropertiesResponse;
  readonly size: number;
  readonly etag: string;
  readonly blocks: readonly CommittedBlock[];
  /** An ID of a block that the blob has, or that waits. */
  readonly like: string | undefined;
}

async function look(
  store: Store,
  key: ObjectKey,
  blob: BlockBlobClient,
  signal: AbortSignal | undefined,
): Promise<Found> {
  // The list alone doesn't tell a blob from blocks that wait to become one.
  const facts = await store.attempt("extend", key, signal, () => blob.getProperties(abortBy(signal)));
  const list = await store.attempt("extend", key, signal, () => blob.getBlockList("all", abortBy(signal)));
  const { etag, contentLength: size } = facts;
  if (etag === undefined || size === undefined || list.etag !== etag)
    throw new SinkError("transient", `${store.name}${key} was replaced while it was looked at`);
  const waiting = list.uncommittedBlocks?.[0]?.name;
  const blocks = (list.committedBlocks ?? []).map(({ name, size }) => ({ id: name, size }));
  return { facts, size, etag, blocks, like: waiting ?? blocks[0]?.id };
}
