import { GetObjectCommand } from "@aws-sdk/client-s3";
import {
  type ByteRange,
  type CallOptions,
  gather,
  isSinkError,
  type ObjectKey,
  SinkError,
  checkRange,
} from "@axon-backup/sink";
import type { Bucket } from "./bucket.js";
import { sinkError } from "./errors.js";
import { head } from "./stored.js";

/** The object's bytes, or those of a range, of one answer of the server: of one moment. With `version`, of that one or none (`conflict`). */
export async function* getObject(
  bucket: Bucket,
  key: ObjectKey,
  { range, signal, onProgress }: CallOptions & { readonly range?: ByteRange } = {},
  version?: string,
): AsyncGenerator<Uint8Array, void, void> {
  signal?.throwIfAborted();
  checkRange(range);
  const { offset = 0, length } = range ?? {};
  if (length === 0) return mustReach(bucket, key, offset, signal);
  const whole = offset === 0 && length === undefined;
  const command = new GetObjectCommand({
    ...bucket.object(key),
    ...(version !== undefined && { IfMatch: version }),
    ...(!whole && { Range: `bytes=${offset}-${length === undefined ? "" : offset + length - 1}` }),
  });
  const action = "read";
  let answer;
  try {
    answer = await bucket.request(action, key, signal, command, () => bucket.client.send(command));
  } catch (error) {
    if (!isSinkError(error, "range")) throw error;
    // The server refuses a range that begins at the end, too.
    return mustReach(bucket, key, offset, signal, error);
  }
  const { ContentLength, ContentRange } = answer;
  const body: unknown = answer.Body;
  if (!isReadable(body)) throw new SinkError("invalid", `the server answers without ${bucket.place(key)}`);
  const onAbort = (): void => void body.destroy();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    if (!whole && ContentRange?.startsWith(`bytes ${offset}-`) !== true)
      throw new SinkError(
        "invalid",
        `the server gives another range of ${bucket.place(key)} than it was asked for`,
      );
    // Without a length the answer is chunked: then Node itself tells when it is cut.
    let left = ContentLength ?? Infinity;
    for await (const chunk of gather(body, ContentLength, onProgress)) {
      signal?.throwIfAborted();
      left -= chunk.byteLength;
      yield chunk;
    }
    signal?.throwIfAborted();
    if (left !== 0 && left !== Infinity)
      throw new SinkError(
        "transient",
        `the connection ended ${left} bytes before the end of ${bucket.place(key)}`,
      );
  } catch (error) {
    signal?.throwIfAborted();
    throw sinkError(error, `${action} ${bucket.place(key)}`);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    body.destroy();
  }
}

/** For a range without bytes: rejects unless the object reaches to `offset`. */
async function mustReach(
  bucket: Bucket,
  key: ObjectKey,
  offset: number,
  signal: AbortSignal | undefined,
  refusal?: unknown,
): Promise<void> {
  const { size } = await head(bucket, key, signal);
  if (offset > size)
    throw new SinkError(
      "range",
      `byte ${offset} is beyond the end of ${bucket.place(key)}, which has ${size} bytes`,
    );
  if (refusal !== undefined && offset < size)
    throw new SinkError("transient", `${bucket.place(key)} grew while it was being read`, { cause: refusal });
}

interface Readable extends AsyncIterable<Uint8Array> {
  destroy(): unknown;
}

/** In Node, the SDK gives a stream of Node. */
function isReadable(body: unknown): body is Readable {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body && "destroy" in body;
}
