import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { isSinkError, SinkError } from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import { NOT_S3 } from "./meanings.js";

/** Makes sure that the bucket is there and its objects may be listed: by a request whose answer says what is wrong. */
export async function reach(bucket: Bucket, signal?: AbortSignal): Promise<void> {
  const { bucket: Bucket, prefix: Prefix } = bucket.settings;
  const command = new ListObjectsV2Command({ Bucket, Prefix, MaxKeys: 1 });
  try {
    await bucket.attempt("list", "", signal, (options) => bucket.client.send(command, options));
  } catch (error) {
    if (!isSinkError(error, "not-found")) throw error;
    // S3 says that there is no such bucket, by a code of its own: that nothing is there at all is another server's answer.
    throw new SinkError("invalid", `can't list ${bucket.place()}: ${NOT_S3.text} (HTTP 404)`, {
      cause: error.cause,
      ...(NOT_S3.remedy !== undefined && { remedy: NOT_S3.remedy }),
    });
  }
}
