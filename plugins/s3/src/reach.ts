import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { Bucket } from "./bucket.js";

/** Makes sure that the bucket is there and its objects may be listed: by a request whose answer says what is wrong. */
export async function reach(bucket: Bucket, signal?: AbortSignal): Promise<void> {
  const { bucket: Bucket, prefix: Prefix } = bucket.settings;
  const command = new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 1 });
  await bucket.attempt("list", "", signal, (options) => bucket.client.send(command, options));
}
