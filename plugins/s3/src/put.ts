import { PutObjectCommand } from "@aws-sdk/client-s3";
import {
  type ObjectKey,
  type PutOptions,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import { PART_BYTES } from "./buffers.js";
import type { Condition } from "./condition.js";
import { fromBase64 } from "./crc32.js";
import { uploadSource } from "./multipart.js";
import { lostCondition } from "./lost-condition.js";
import { partsOf } from "./parts.js";
import { refusesUploads } from "./probe.js";
import { confirm } from "./stored.js";

/** Puts an object: by one request when it fits in a buffer, else by a multipart upload. Both replace the old one as a whole. */
export async function putObject(
  bucket: Bucket,
  key: ObjectKey,
  source: Source,
  { signal, kind, onProgress }: PutOptions = {},
  condition: Condition = {},
): Promise<StoredObject> {
  signal?.throwIfAborted();
  if (source.size > PART_BYTES) {
    if (Object.keys(condition).length > 0 && !(await refusesUploads(bucket, condition, signal)))
      throw new SinkError("invalid", `this server decides conditions for objects of up to ${PART_BYTES} bytes alone, and ${bucket.place(key)} is larger`); // prettier-ignore
    return uploadSource(bucket, key, source, { signal, kind, onProgress }, condition);
  }
  // An empty source has no parts, but must have ended.
  let stored: StoredObject | undefined;
  for await (const bytes of partsOf(source, PART_BYTES, bucket.buffers, signal))
    try {
      stored = await putBytes(bucket, key, bytes, { signal, kind }, condition);
    } finally {
      bucket.buffers.release(bytes);
    }
  return stored ?? putBytes(bucket, key, Buffer.alloc(0), { signal, kind }, condition);
}

async function putBytes(
  bucket: Bucket,
  key: ObjectKey,
  bytes: Buffer,
  { signal, kind }: { readonly [Name in keyof PutOptions]: PutOptions[Name] | undefined },
  condition: Condition,
): Promise<StoredObject> {
  const checksum = bucket.checksum(bytes);
  const command = new PutObjectCommand({
    ...bucket.newObject(key, kind),
    ...condition,
    ...checksum,
    Body: bytes,
    ContentLength: bytes.byteLength,
  });
  const told = await bucket
    .request("store", key, signal, command, () => bucket.client.send(command))
    .catch(async (error: unknown) => {
      throw await lostCondition(bucket, key, condition, error, bytes, signal);
    });
  const crc = "ChecksumCRC32" in checksum ? fromBase64(checksum.ChecksumCRC32, bytes.byteLength) : undefined;
  return confirm(bucket, key, { size: bytes.byteLength, crc }, told, signal);
}
