import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { type CallOptions, isObjectKey, SinkError, type StoredObject } from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import { storedObject } from "./stored.js";

/** Every object whose key begins with `prefix`, page by page. What isn't of the key grammar isn't ours. */
export async function* listObjects(
  bucket: Bucket,
  prefix: string,
  { signal }: CallOptions = {},
): AsyncGenerator<StoredObject, void, void> {
  signal?.throwIfAborted();
  // Nothing begins with what can't be the beginning of a key; and servers that keep files may read "../" in their own way.
  if (prefix !== "" && !isObjectKey(prefix.endsWith("/") ? prefix.slice(0, -1) : prefix)) return;
  const { bucket: name, prefix: own } = bucket.settings;
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: name,
      Prefix: own + prefix,
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const page = await bucket.attempt("list", prefix, signal, (options) =>
      bucket.client.send(command, options),
    );
    for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
      const key = Key?.startsWith(own) === true ? Key.slice(own.length) : "";
      if (!isObjectKey(key) || !key.startsWith(prefix) || Size === undefined) continue;
      yield storedObject(key, Size, { ETag, LastModified });
      signal?.throwIfAborted();
    }
    token = page.IsTruncated === true ? next(bucket, page.NextContinuationToken) : undefined;
  } while (token !== undefined);
}

function next(bucket: Bucket, token: string | undefined): string {
  if (token === undefined || token === "")
    throw new SinkError("invalid", `the server doesn't tell how the list of ${bucket.place()} goes on`);
  return token;
}
