import { setTimeout } from "node:timers/promises";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import {
  type ObjectKey,
  type ObjectKind,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import type { Condition } from "./condition.js";
import { combine, type Crc32, fromBase64, toBase64 } from "./crc32.js";
import { errorCode } from "./errors.js";
import { MAX_PARTS, partsOf, partSize } from "./parts.js";
import { confirm } from "./stored.js";

/** Milliseconds for the request that removes a failed upload: the failure is to be reported in bounded time. */
const ABORT_MS = 5000;
const ABORTS = 4;

interface Part extends CompletedPart {
  readonly PartNumber: number;
  readonly size: number;
}

export interface UploadOptions {
  readonly signal: AbortSignal | undefined;
  readonly kind: ObjectKind | undefined;
  /** Called for each part that is there. */
  readonly onProgress?: (() => void) | undefined;
  /**
   * Whether parts are copied of an object. Then nothing of the whole is known, and each part that is sent has its MD5: servers have been seen to tell the
   * whole object's checksum for a copied piece of it, and to believe it.
   */
  readonly copies?: boolean;
}

/**
 * One multipart upload: begun, filled with parts in any order, completed. Whatever fails ends the other requests, too, and removes the upload; only
 * then does the failure show.
 *
 * Not the `Upload` of @aws-sdk/lib-storage: after a failed part it sends all others before it tells; an abort ends neither the requests that run nor
 * waits for the upload's removal; the checksum of the whole object can't be given with the completion; and it keeps each part twice (a
 * stream's chunks and their concatenation), for each upload on its own, where here all uploads share one budget of buffers.
 */
export class Multipart {
  readonly #parts: Part[] = [];
  /** Parts that were begun: those that failed or were given up are missing in #parts. */
  #sent = 0;
  readonly #failed = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** Ends what runs for this upload: the caller's signal, or its own first failure as the reason. */
  readonly signal: AbortSignal;

  private constructor(
    readonly bucket: Bucket,
    readonly key: ObjectKey,
    private readonly id: string,
    private readonly checksums: "none" | "of-parts" | "of-all",
    outer: AbortSignal | undefined,
    private readonly onProgress: (() => void) | undefined,
  ) {
    const own = this.#failed.signal;
    this.signal = outer === undefined ? own : AbortSignal.any([outer, own]);
  }

  /** Begins an upload, lets `fill` add its parts, and completes it under the condition. */
  static async run(
    bucket: Bucket,
    key: ObjectKey,
    { signal, kind, onProgress, copies = false }: UploadOptions,
    condition: Condition,
    fill: (upload: Multipart) => Promise<void>,
  ): Promise<StoredObject> {
    const checksums = bucket.settings.checksums === "when-supported" && !copies;
    const create = new CreateMultipartUploadCommand({
      ...bucket.newObject(key, kind),
      ...(checksums && { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" }),
    });
    const { UploadId, ChecksumType } = await bucket.attempt("begin an upload to", key, signal, (options) =>
      bucket.client.send(create, options),
    );
    if (UploadId === undefined)
      throw new SinkError("invalid", `the server gives no id for an upload to ${bucket.place(key)}`);
    const upload = new Multipart(
      bucket,
      key,
      UploadId,
      !checksums ? "none" : ChecksumType === "FULL_OBJECT" ? "of-all" : "of-parts",
      signal,
      onProgress,
    );
    try {
      await fill(upload);
      await Promise.all(upload.#running);
      return await upload.#complete(condition);
    } catch (error) {
      upload.#fail(error);
      await Promise.allSettled(upload.#running);
      await upload.#abort();
      signal?.throwIfAborted();
      throw upload.#failed.signal.reason;
    }
  }

  /** Sends a part without waiting for it: `fill`'s next step may be another. Its buffer goes back when it is there. */
  send(number: number, bytes: Buffer): void {
    const { bucket, key } = this;
    const checksum = bucket.checksum(bytes, this.checksums !== "none");
    const command = new UploadPartCommand({
      ...bucket.object(key),
      ...checksum,
      UploadId: this.id,
      PartNumber: number,
      Body: bytes,
      ContentLength: bytes.byteLength,
    });
    const size = bytes.byteLength;
    void this.#run(
      bucket
        .request(`store part ${number} of`, key, this.signal, command, () => bucket.client.send(command))
        .finally(() => {
          bucket.buffers.release(bytes);
        }),
      ({ ETag }) => ({ PartNumber: number, ETag, size, ...("ChecksumCRC32" in checksum && checksum) }),
    );
  }

  /** Lets the server make a part of the bytes of the object that is there, if it still is the one of `version`. */
  copy(number: number, from: number, to: number, version: string): Promise<void> {
    const { bucket, key } = this;
    const { Bucket, Key, ...encryption } = bucket.object(key);
    const command = new UploadPartCopyCommand({
      Bucket,
      Key,
      ...encryption,
      ...(encryption.SSECustomerKey !== undefined && {
        CopySourceSSECustomerAlgorithm: "AES256",
        CopySourceSSECustomerKey: encryption.SSECustomerKey,
      }),
      UploadId: this.id,
      PartNumber: number,
      CopySource: `${Bucket}/${Key.split("/").map(encodeURIComponent).join("/")}`,
      CopySourceRange: `bytes=${from}-${to - 1}`,
      CopySourceIfMatch: version,
    });
    return this.#run(
      bucket.attempt("keep the first bytes of", key, this.signal, (options) =>
        bucket.client.send(command, options),
      ),
      ({ CopyPartResult: { ETag } = {} }) => ({ PartNumber: number, ETag, size: to - from }),
    );
  }

  #run<T>(request: Promise<T>, part: (told: T) => Part): Promise<void> {
    this.#sent++;
    const running = request.then(
      (told) => {
        this.#parts.push(part(told));
        this.onProgress?.();
      },
      (error: unknown) => {
        this.#fail(error);
        throw error;
      },
    );
    this.#running.add(running);
    const done = (): void => void this.#running.delete(running);
    running.then(done, () => undefined);
    return running;
  }

  #fail(error: unknown): void {
    if (!this.#failed.signal.aborted) this.#failed.abort(error);
  }

  async #complete(condition: Condition): Promise<StoredObject> {
    const { bucket, key, signal } = this;
    const parts = this.#parts.sort((a, b) => a.PartNumber - b.PartNumber);
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    const crc = this.checksums === "of-all" ? wholeCrc(parts) : undefined;
    const command = new CompleteMultipartUploadCommand({
      ...bucket.object(key),
      ...condition,
      UploadId: this.id,
      // The server refuses to complete what isn't this: the old object stands.
      ...(crc && { ChecksumCRC32: toBase64(crc), ChecksumType: "FULL_OBJECT", MpuObjectSize: size }),
      MultipartUpload: {
        Parts: parts.map(({ PartNumber, ETag, ChecksumCRC32 }) => ({ PartNumber, ETag, ChecksumCRC32 })),
      },
    });
    const told = await bucket.attempt("complete the upload to", key, signal, (options) =>
      bucket.client.send(command, options),
    );
    return confirm(bucket, key, { size, crc }, told, signal);
  }

  async #abort(): Promise<void> {
    const { Bucket, Key } = this.bucket.object(this.key);
    const command = new AbortMultipartUploadCommand({ Bucket, Key, UploadId: this.id });
    const abortSignal = AbortSignal.timeout(ABORT_MS);
    // A part that the server still works on can be in the way, or come after: S3's documentation says to abort again until there is no such upload.
    for (let turn = 1; turn <= ABORTS && !abortSignal.aborted; turn++)
      try {
        await this.bucket.client.send(command, { abortSignal });
        if (this.#parts.length === this.#sent) return;
      } catch (error) {
        // The failure that led here is the one to report. What stays is a leftover: invisible, and removed as such.
        if (errorCode(error) === "NoSuchUpload") return;
      } finally {
        await setTimeout(turn * 50);
      }
  }
}

function wholeCrc(parts: readonly Part[]): Crc32 | undefined {
  let whole: Crc32 | undefined;
  for (const { ChecksumCRC32, size } of parts) {
    const crc = fromBase64(ChecksumCRC32, size);
    if (crc === undefined) return undefined;
    whole = whole === undefined ? crc : combine(whole, crc);
  }
  return whole;
}

/** Uploads a source in parts. */
export function uploadSource(
  bucket: Bucket,
  key: ObjectKey,
  source: Source,
  options: UploadOptions,
  condition: Condition,
): Promise<StoredObject> {
  return Multipart.run(bucket, key, options, condition, (upload) => sendParts(upload, source, 1));
}

/** Sends the source's bytes as parts, numbered from `first` on. */
export async function sendParts(upload: Multipart, source: Source, first: number): Promise<void> {
  const size = partSize(source.size, MAX_PARTS - first + 1);
  let number = first;
  for await (const bytes of partsOf(source, size, upload.bucket.buffers, upload.signal))
    upload.send(number++, bytes);
}
