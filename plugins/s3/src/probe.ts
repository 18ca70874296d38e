import { PutObjectCommand, type PutObjectCommandInput } from "@aws-sdk/client-s3";
import { isSinkError, type ObjectKey, type SinkErrorKind } from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import type { Condition } from "./condition.js";
import { crcOf, toBase64 } from "./crc32.js";
import { Multipart } from "./multipart.js";

/** What a server was seen to do. */
export interface Findings {
  readonly ifNoneMatch: boolean;
  readonly ifMatch: boolean;
  /** Whether bytes that don't fit their CRC32 are refused. */
  readonly checksums: boolean;
}

/** Not of the key grammar: never listed. It stays, so that a versioned bucket doesn't gather versions of it with each start. */
export const PROBE_KEY = ".axon-backup-probe" as ObjectKey;
const BODY = Buffer.from("axon-backup asks this server what it can do\n");

const UNKNOWN_VERSION = { IfMatch: '"00000000000000000000000000000000"' };

const remembered = new Map<string, Findings>();

/**
 * Tries what S3 servers differ in, once for each bucket and prefix in this process: three puts to a scratch object, all of which a good server
 * refuses (and one more when it isn't there yet). A server that doesn't refuse them stores the same bytes again.
 */
export async function probe(bucket: Bucket, signal?: AbortSignal): Promise<Findings> {
  const name = `${bucket.place()} ${bucket.settings.checksums}`;
  const findings = remembered.get(name) ?? (await ask(bucket, signal));
  remembered.set(name, findings);
  return findings;
}

const conditionalUploads = new Map<string, boolean>();

/** Whether the server decides a condition when it completes a multipart upload, too. Asked when the first such put comes, which is seldom. */
export async function refusesUploads(
  bucket: Bucket,
  condition: Condition,
  signal?: AbortSignal,
): Promise<boolean> {
  const name = `${bucket.place()} ${Object.keys(condition).join()}`;
  const known = conditionalUploads.get(name);
  if (known !== undefined) return known;
  const unmet: Condition = "IfMatch" in condition ? UNKNOWN_VERSION : condition;
  const upload = async (): Promise<unknown> => {
    const bytes = await bucket.buffers.acquire(BODY.byteLength, signal);
    BODY.copy(bytes);
    const options = { signal, kind: "document" } as const;
    return Multipart.run(bucket, PROBE_KEY, options, unmet, (upload) => {
      upload.send(1, bytes);
      return Promise.resolve();
    });
  };
  const found = await refused(upload(), ["conflict"]);
  conditionalUploads.set(name, found);
  return found;
}

async function ask(bucket: Bucket, signal: AbortSignal | undefined): Promise<Findings> {
  const put = (
    more: Partial<PutObjectCommandInput>,
    checksum: Partial<PutObjectCommandInput> = bucket.checksum(BODY),
  ) =>
    bucket.attempt("store a scratch object at", PROBE_KEY, signal, (options) =>
      bucket.client.send(
        new PutObjectCommand({
          ...bucket.newObject(PROBE_KEY, "document"),
          ...checksum,
          ...more,
          Body: BODY,
        }),
        options,
      ),
    );
  // "invalid": servers that don't know the header may say so.
  const conditional = async (condition: Partial<PutObjectCommandInput>): Promise<boolean> => {
    try {
      return await refused(put(condition), ["conflict", "not-found"]);
    } catch (error) {
      if (isSinkError(error, "invalid")) return false;
      throw error;
    }
  };
  // The first one may create it: then the second one must be refused.
  const ifNoneMatch = (await conditional({ IfNoneMatch: "*" })) || (await conditional({ IfNoneMatch: "*" }));
  const [ifMatch, checksums] = await Promise.all([
    conditional(UNKNOWN_VERSION),
    bucket.settings.checksums === "when-supported" &&
      refused(put({}, { ChecksumCRC32: toBase64(crcOf(Buffer.from("other bytes"))) }), [
        "transient",
        "invalid",
      ]),
  ]);
  return { ifNoneMatch, ifMatch, checksums };
}

async function refused(request: Promise<unknown>, kinds: readonly SinkErrorKind[]): Promise<boolean> {
  try {
    await request;
    return false;
  } catch (error) {
    if (isSinkError(error) && kinds.includes(error.kind)) return true;
    throw error;
  }
}
