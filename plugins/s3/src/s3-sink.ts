import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import {
  type ByteRange,
  type CallOptions,
  type ConditionalPut,
  isSinkError,
  type ObjectKey,
  type PutOptions,
  type Sink,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import { extendObject } from "./extend.js";
import { getObject } from "./get.js";
import { removeLeftoverUploads } from "./leftovers.js";
import { listObjects } from "./list.js";
import { MIN_PART_BYTES } from "./parts.js";
import type { Findings } from "./probe.js";
import { putObject } from "./put.js";
import { head } from "./stored.js";
import { reach } from "./reach.js";

/** Objects of a bucket below a prefix. Holds the connections of its client. */
export class S3Sink implements Sink {
  /** Less can't be copied as a part. */
  readonly extendFrom = MIN_PART_BYTES;
  readonly conditional?: ConditionalPut;
  readonly removeLeftovers?: (options?: CallOptions) => Promise<number>;
  readonly #bucket: Bucket;

  constructor(bucket: Bucket, { ifNoneMatch, ifMatch }: Pick<Findings, "ifNoneMatch" | "ifMatch">) {
    this.#bucket = bucket;
    const { leftoversAfter } = bucket.settings;
    if (leftoversAfter !== undefined)
      this.removeLeftovers = (options) => removeLeftoverUploads(bucket, leftoversAfter, options);
    if (ifNoneMatch || ifMatch)
      this.conditional = {
        ...(ifNoneMatch && {
          ifAbsent: (key: ObjectKey, source: Source, options?: PutOptions) =>
            putObject(bucket, key, source, options, { IfNoneMatch: "*" }),
        }),
        ...(ifMatch && {
          ifUnchanged: (key: ObjectKey, version: string, source: Source, options?: PutOptions) =>
            putObject(bucket, key, source, options, { IfMatch: version }).catch((error: unknown) => {
              // Nothing is there: not what the caller has seen either.
              if (!isSinkError(error, "not-found")) throw error;
              throw new SinkError("conflict", error.message, { cause: error.cause });
            }),
        }),
      };
  }

  put(key: ObjectKey, source: Source, options?: PutOptions): Promise<StoredObject> {
    return putObject(this.#bucket, key, source, options);
  }

  get(key: ObjectKey, options?: CallOptions & { readonly range?: ByteRange }): AsyncIterable<Uint8Array> {
    return getObject(this.#bucket, key, options);
  }

  async stat(key: ObjectKey, { signal }: CallOptions = {}): Promise<StoredObject> {
    try {
      return await head(this.#bucket, key, signal);
    } catch (error) {
      // The answer to HEAD has no body: a bucket that is gone looks like an object that isn't there.
      if (isSinkError(error, "not-found")) await reach(this.#bucket, signal);
      throw error;
    }
  }

  list(prefix: string, options?: CallOptions): AsyncIterable<StoredObject> {
    return listObjects(this.#bucket, prefix, options);
  }

  /** In a versioned bucket the object's versions stay, below a delete marker. */
  async delete(key: ObjectKey, { signal }: CallOptions = {}): Promise<void> {
    const { Bucket, Key } = this.#bucket.object(key);
    const command = new DeleteObjectCommand({ Bucket, Key });
    try {
      await this.#bucket.request("delete", key, signal, command, () => this.#bucket.client.send(command));
    } catch (error) {
      if (!isSinkError(error, "not-found")) throw error;
    }
  }

  extend(key: ObjectKey, keep: number, source: Source, options?: PutOptions): Promise<StoredObject> {
    return extendObject(this.#bucket, key, keep, source, options);
  }

  close(): Promise<void> {
    this.#bucket.client.destroy();
    return Promise.resolve();
  }
}
