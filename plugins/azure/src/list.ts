import { type CallOptions, SinkError, type StoredObject } from "@axon-backup/sink";
import { keyOf, listPrefix } from "./names.js";
import { abortBy } from "./put.js";
import type { Store } from "./store.js";
import { stored } from "./stored.js";

/** The most that the service gives at once. */
const PAGE = 5000;

/** Every blob whose key begins with `prefix`, page by page. Blocks that wait to be committed aren't listed. */
export async function* listBlobs(
  store: Store,
  prefix: string,
  { signal }: CallOptions = {},
): AsyncGenerator<StoredObject, void, void> {
  signal?.throwIfAborted();
  const pages = store.container
    .listBlobsFlat({
      prefix: listPrefix(store.prefix, prefix),
      // It is what tells a directory, of an account with a hierarchical namespace, from a blob.
      includeMetadata: true,
      ...abortBy(signal),
    })
    .byPage({ maxPageSize: PAGE });
  for (;;) {
    const page = await store.attempt("list", prefix, signal, () => pages.next());
    if (page.done === true) return;
    for (const { name, properties, metadata } of page.value.segment.blobItems) {
      const key = keyOf(store.prefix, name);
      if (key?.startsWith(prefix) !== true || metadata?.["hdi_isfolder"] === "true") continue;
      const { contentLength: size } = properties;
      if (size === undefined)
        throw new SinkError("transient", `the list gives no size of ${store.name}${key}`);
      yield stored(key, size, properties);
      signal?.throwIfAborted();
    }
  }
}
