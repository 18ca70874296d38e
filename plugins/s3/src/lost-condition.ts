import { isSinkError, type ObjectKey, SinkError, type StoredObject } from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import type { Condition } from "./condition.js";
import { crcOf, toHex } from "./crc32.js";
import { errorCode } from "./errors.js";
import { head } from "./stored.js";

/** What the connection says when the other side doesn't read on. */
const BROKEN = new Set(["ECONNRESET", "EPIPE"]);

/**
 * The error to report of a conditional put whose connection broke. A server refuses such a put before it has read the body, and closes: often the answer is lost
 * in that. So the object is asked for: when the condition visibly doesn't hold, `conflict`; else the error as it was. An object that may be the one
 * that this very put has stored says nothing.
 * @param sent what was to be stored
 *
 * Not `Expect: 100-continue`: with agents of one's own, which proxies need, the SDK sends the header and doesn't wait for the answer.
 */
export async function lostCondition(
  bucket: Bucket,
  key: ObjectKey,
  condition: Condition,
  error: unknown,
  sent: Buffer,
  signal?: AbortSignal,
): Promise<unknown> {
  if (Object.keys(condition).length === 0 || !isSinkError(error, "transient")) return error;
  if (!BROKEN.has(errorCode(error.cause) ?? "")) return error;
  let found: StoredObject | undefined;
  try {
    found = await head(bucket, key, signal);
  } catch (failure) {
    signal?.throwIfAborted();
    if (!isSinkError(failure, "not-found")) return error;
  }
  const holds = "IfMatch" in condition ? found?.version === condition.IfMatch : found === undefined;
  if (holds || (found !== undefined && isOwn(found, sent))) return error;
  return new SinkError("conflict", `can't store ${bucket.place(key)}: the condition doesn't hold`, {
    cause: error,
  });
}

/** Whether these may be the bytes that were sent. */
function isOwn({ size, checksum }: StoredObject, sent: Buffer): boolean {
  if (size !== sent.byteLength) return false;
  if (checksum?.algorithm === "crc32") return checksum.value === toHex(crcOf(sent));
  // By the ETag nothing can be told: that of an encrypted object looks like an MD5, and is none.
  return true;
}
