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
import type { Bucket } from "./bucket.js";
import { getObject } from "./get.js";
import { Multipart, sendParts } from "./multipart.js";
import { MIN_PART_BYTES } from "./parts.js";
import { putObject } from "./put.js";
import { head } from "./stored.js";

/** Bytes that the server copies in one request, unless there are very many: several requests at once are faster than one. */
const COPY_BYTES = 128 * 1024 * 1024;
const MAX_COPIES = 1000;

/**
 * Makes a new object of the first `keep` bytes and the source's, which then takes the old one's place: atomic, as `put`. The server copies the
 * kept bytes itself where they are enough for a part; fewer are read and put again.
 */
export async function extendObject(
  bucket: Bucket,
  key: ObjectKey,
  keep: number,
  source: Source,
  { signal, kind, onProgress }: PutOptions = {},
): Promise<StoredObject> {
  signal?.throwIfAborted();
  checkKeep(keep);
  const before = await head(bucket, key, signal);
  if (before.size < keep)
    throw new SinkError(
      "range",
      `${bucket.place(key)} has ${before.size} bytes, and ${keep} of them were to be kept`,
    );
  const { version } = before;
  if (version === undefined)
    throw new SinkError("invalid", `the server gives no ETag of ${bucket.place(key)}: what is kept can't be told from a replaced object`); // prettier-ignore
  try {
    if (keep < MIN_PART_BYTES)
      return await putObject(bucket, key, behind(bucket, key, keep, version, source), { ...(signal && { signal }), ...(kind && { kind }) }); // prettier-ignore
    return await Multipart.run(
      bucket,
      key,
      { signal, kind, onProgress, copies: true },
      {},
      async (upload) => {
        const pieces = Math.max(1, Math.min(MAX_COPIES, Math.floor(keep / COPY_BYTES)));
        const copies = copyPieces(upload, keep, pieces, version);
        // Its failure ends the parts, too, and shows when they have ended.
        copies.catch(() => undefined);
        await sendParts(upload, source, pieces + 1);
        await copies;
      },
    );
  } catch (error) {
    if (!isSinkError(error, "conflict")) throw error;
    throw new SinkError("transient", `${bucket.place(key)} was replaced while it was being extended`, {
      cause: error,
    });
  }
}

/** Copies the first `keep` bytes in pieces of about the same size, several at once. */
async function copyPieces(upload: Multipart, keep: number, pieces: number, version: string): Promise<void> {
  const bound = (piece: number): number => Math.floor((keep * piece) / pieces);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let piece = next++; piece < pieces; piece = next++)
      await upload.copy(piece + 1, bound(piece), bound(piece + 1), version);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** The first `keep` bytes of the object of `version`, with the source's behind them. */
function behind(bucket: Bucket, key: ObjectKey, keep: number, version: string, source: Source): Source {
  return {
    size: keep + source.size,
    async *open(signal) {
      if (keep > 0)
        yield* getObject(
          bucket,
          key,
          { range: { offset: 0, length: keep }, ...(signal && { signal }) },
          version,
        );
      yield* exactly(source, signal);
    },
  };
}
