import {
  type ConditionalPut,
  isSinkError,
  type ObjectKey,
  type PutOptions,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { AzureFailure } from "./cause.js";
import { abortBy, type Condition, putBlob } from "./put.js";
import type { Store } from "./store.js";

/** Puts under a condition on the blob's ETag. */
export function conditionalPut(store: Store): Required<ConditionalPut> {
  return {
    ifAbsent: (key, source, options) => put(store, key, source, options, { ifNoneMatch: "*" }),
    ifUnchanged: (key, version, source, options) =>
      put(store, key, source, options, { ifMatch: `"${version}"` }),
  };
}

async function put(
  store: Store,
  key: ObjectKey,
  source: Source,
  options: PutOptions | undefined,
  condition: Condition,
): Promise<StoredObject> {
  try {
    return await putBlob(store, key, source, options, condition);
  } catch (error) {
    if (await lost(store, key, condition, error, options?.signal))
      throw new SinkError("conflict", `${store.name}${key} was stored by another writer`, { cause: error });
    throw error;
  }
}

/** Whether the put failed because another writer was faster, which doesn't always show as a condition that doesn't hold. */
async function lost(
  store: Store,
  key: ObjectKey,
  { ifMatch }: Condition,
  error: unknown,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!isSinkError(error)) return false;
  // Nothing is there whose version could be the one.
  if (error.kind === "not-found") return ifMatch !== undefined;
  // The winner's commit has discarded this one's blocks.
  if (!(error.cause instanceof AzureFailure) || error.cause.code !== "InvalidBlockList") return false;
  try {
    const { etag } = await store.attempt("look at", key, signal, () =>
      store.blob(key).getProperties(abortBy(signal)),
    );
    return etag !== ifMatch;
  } catch (failure) {
    if (isSinkError(failure, "not-found")) return ifMatch !== undefined;
    throw failure;
  }
}
