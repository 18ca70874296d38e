import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { isSinkError, type ObjectKey, SinkError, type StoredObject } from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import { type Crc32, fromBase64, toHex } from "./crc32.js";

/** What the server says about an object, in any of its answers. */
export interface Told {
  readonly ETag?: string | undefined;
  readonly ChecksumCRC32?: string | undefined;
  readonly LastModified?: Date | undefined;
  /** Only in a bucket that keeps versions; "null" where that was suspended. */
  readonly VersionId?: string | undefined;
}

export function storedObject(key: ObjectKey, size: number, told: Told): StoredObject {
  const crc = fromBase64(told.ChecksumCRC32, size);
  return {
    key,
    size,
    ...(told.ETag !== undefined && { version: told.ETag }),
    ...(told.LastModified && { modified: told.LastModified }),
    ...(told.VersionId !== undefined && told.VersionId !== "null" && { staysAsVersion: true as const }),
    ...(crc && { checksum: { algorithm: "crc32", value: toHex(crc) } as const }),
  };
}

/** Asks the server about an object. Rejects with `not-found`. */
export async function head(bucket: Bucket, key: ObjectKey, signal?: AbortSignal): Promise<StoredObject> {
  const command = new HeadObjectCommand({ ...bucket.object(key), ChecksumMode: "ENABLED" });
  const told = await bucket.request("look at", key, signal, command, () => bucket.client.send(command));
  if (told.ContentLength === undefined)
    throw new SinkError("invalid", `${bucket.place(key)}: the server doesn't tell the object's size`);
  return storedObject(key, told.ContentLength, told);
}

/**
 * Makes sure that the server holds what was sent. A server that checks checksums, and answers with the one of the whole object, has said so;
 * any other is asked for the object's size: some store what they got of an upload that was cut.
 */
export async function confirm(
  bucket: Bucket,
  key: ObjectKey,
  sent: { readonly size: number; readonly crc: Crc32 | undefined },
  told: Told,
  signal?: AbortSignal,
): Promise<StoredObject> {
  const crc = fromBase64(told.ChecksumCRC32, sent.size);
  if (crc !== undefined && sent.crc !== undefined && crc.value !== sent.crc.value)
    throw damaged(bucket, key, "another checksum than the bytes that were sent");
  if (crc !== undefined && sent.crc !== undefined && bucket.checksChecksums)
    return storedObject(key, sent.size, told);
  const found = await head(bucket, key, signal).catch((error: unknown) => {
    throw isSinkError(error, "not-found") ? damaged(bucket, key, "nothing") : error;
  });
  // Another version: another writer was here in between, and this put's object is gone already.
  if (found.version !== told.ETag) return storedObject(key, sent.size, told);
  if (found.size !== sent.size) throw damaged(bucket, key, `${found.size} of ${sent.size} bytes`);
  return found;
}

function damaged(bucket: Bucket, key: ObjectKey, what: string): SinkError {
  return new SinkError("transient", `the server took ${bucket.place(key)} and holds ${what}`, {
    remedy: "If it happens again, don't trust this server: axon-backup check tells what it can do.",
  });
}
