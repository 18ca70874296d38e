import type { S3Client } from "@aws-sdk/client-s3";
import type { ObjectKey, ObjectKind } from "@axon-backup/sink";
import { Buffers } from "./buffers.js";
import { crcOf, toBase64 } from "./crc32.js";
import { sinkError } from "./errors.js";
import { createHash } from "node:crypto";
import type { Settings } from "./options.js";
import { RequestSignals } from "./request-signals.js";

/** What names an object in every request, with the key that it is encrypted with. */
export interface ObjectParameters {
  readonly Bucket: string;
  readonly Key: string;
  readonly SSECustomerAlgorithm?: string;
  readonly SSECustomerKey?: string;
}

/** A bucket and a prefix on a server: what all operations of a sink work with. */
export class Bucket {
  readonly buffers = new Buffers();
  /** Whether this server compares the checksums that it gets with what it stores: looked for when the sink is opened for writing. */
  checksChecksums = false;
  readonly #signals: RequestSignals;

  constructor(
    readonly client: S3Client,
    readonly settings: Settings,
  ) {
    this.#signals = new RequestSignals(client);
  }

  /** Parameters of requests that read an object, or parts of an upload. */
  object(key: ObjectKey | string): ObjectParameters {
    const { bucket, prefix, encryption } = this.settings;
    return {
      Bucket: bucket,
      Key: prefix + key,
      ...(encryption?.type === "sse-c" && {
        SSECustomerAlgorithm: "AES256",
        SSECustomerKey: encryption.key.reveal(),
      }),
    };
  }

  /** Parameters of requests that create an object. */
  newObject(key: ObjectKey | string, kind?: ObjectKind) {
    const { encryption, storageClass, tagging } = this.settings;
    const chosen = kind === undefined ? undefined : storageClass[kind];
    return {
      ...this.object(key),
      ...(chosen !== undefined && { StorageClass: chosen as "STANDARD" }),
      ...(tagging !== "" && { Tagging: tagging }),
      ...(encryption?.type === "sse-s3" && { ServerSideEncryption: "AES256" as const }),
      ...(encryption?.type === "sse-kms" && {
        ServerSideEncryption: "aws:kms" as const,
        ...(encryption.key_id !== undefined && { SSEKMSKeyId: encryption.key_id }),
        ...(encryption.context && {
          SSEKMSEncryptionContext: Buffer.from(JSON.stringify(encryption.context)).toString("base64"),
        }),
      }),
    };
  }

  /** The checksum that goes with bytes on their way: for the server to compare. */
  checksum(
    bytes: Buffer,
    crc = this.settings.checksums === "when-supported",
  ): { readonly ChecksumCRC32: string } | { readonly ContentMD5: string } {
    return crc
      ? { ChecksumCRC32: toBase64(crcOf(bytes)) }
      : { ContentMD5: createHash("md5").update(bytes).digest("base64") };
  }

  /** For messages: where an object is. */
  place(key: ObjectKey | string = ""): string {
    const { bucket, prefix, endpoint } = this.settings;
    return `s3://${bucket}/${prefix}${key}${endpoint === undefined ? "" : ` at ${endpoint.host}`}`;
  }

  /** As `attempt`, for requests of which there are many: `send` gives the client the command, without options. */
  request<T>(
    action: string,
    key: ObjectKey | string,
    signal: AbortSignal | undefined,
    command: { readonly input: object },
    send: () => Promise<T>,
  ): Promise<T> {
    this.#signals.set(command, signal);
    return this.attempt(action, key, signal, send);
  }

  /** Waits for a request. Rejects with the signal's reason, or with the SDK's error as a SinkError. @param action as "store" */
  async attempt<T>(
    action: string,
    key: ObjectKey | string,
    signal: AbortSignal | undefined,
    send: (options: { abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await send(signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw sinkError(error, `${action} ${this.place(key)}`);
    }
  }
}
