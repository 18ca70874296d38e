import { AbortMultipartUploadCommand, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { type CallOptions, isObjectKey } from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import { errorCode } from "./errors.js";
import { PROBE_KEY } from "./probe.js";

/**
 * Removes unfinished uploads below the prefix that were begun `leftoversAfter` milliseconds ago, of keys that the sink can have: nothing in S3's list tells who began one, so that only its age
 * says that its writer is dead. This machine's clock will do: with one that is wrong by more than 15 minutes the server refuses everything.
 */
export async function removeLeftoverUploads(
  bucket: Bucket,
  leftoversAfter: number,
  { signal }: CallOptions = {},
): Promise<number> {
  const { bucket: Bucket, prefix: Prefix } = bucket.settings;
  const { client } = bucket;
  let removed = 0;
  let marker: { KeyMarker: string; UploadIdMarker?: string } | undefined;
  do {
    const list = new ListMultipartUploadsCommand({ Bucket, Prefix, ...marker });
    const page = await bucket
      .attempt("list unfinished uploads to", "", signal, (options) => client.send(list, options))
      .catch((error: unknown) => {
        // Without the request, there is nothing that could be told from an upload that runs.
        if (error instanceof Error && errorCode(error.cause) === "NotImplemented") return undefined;
        throw error;
      });
    for (const { Key, UploadId, Initiated } of page?.Uploads ?? []) {
      if (Key?.startsWith(Prefix) !== true || UploadId === undefined || Initiated === undefined) continue;
      const key = Key.slice(Prefix.length);
      if (!isObjectKey(key) && key !== PROBE_KEY) continue;
      if (Date.now() - Initiated.getTime() < leftoversAfter) continue;
      const abort = new AbortMultipartUploadCommand({ Bucket, Key, UploadId });
      removed += await bucket
        .attempt("remove an unfinished upload to", key, signal, (options) => client.send(abort, options)) // prettier-ignore
        .then(
          () => 1,
          (error: unknown) => {
            // Somebody else was faster.
            if (error instanceof Error && errorCode(error.cause) === "NoSuchUpload") return 0;
            throw error;
          },
        );
    }
    marker =
      page?.IsTruncated === true && page.NextKeyMarker !== undefined
        ? { KeyMarker: page.NextKeyMarker, ...(page.NextUploadIdMarker && { UploadIdMarker: page.NextUploadIdMarker }) } // prettier-ignore
        : undefined;
  } while (marker !== undefined);
  return removed;
}
