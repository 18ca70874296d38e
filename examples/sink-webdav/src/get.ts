import { type ByteRange, type CallOptions, SinkError, type StoredObject } from "@axon-backup/sink";
import type { Connection } from "./connection.js";
import { networkError } from "./errors.js";

/**
 * The bytes of a file, or of a range of it.
 * @param stat asked first: some servers answer a GET of a collection with a page for people
 */
export async function* getFile(
  connection: Connection,
  url: string,
  { range, signal }: CallOptions & { readonly range?: ByteRange },
  stat: () => Promise<StoredObject>,
): AsyncGenerator<Uint8Array, void, void> {
  signal?.throwIfAborted();
  const { offset, length } = { offset: 0, length: Number.POSITIVE_INFINITY, ...range };
  const { size } = await stat();
  if (offset > size)
    throw new SinkError("range", `byte ${offset} is beyond the end of ${url}, which has ${size}`);
  // HTTP has no range without bytes.
  if (range !== undefined && (offset === size || length === 0)) return;
  const last = length === Number.POSITIVE_INFINITY ? "" : String(offset + length - 1);
  const headers = range === undefined ? {} : { range: `bytes=${offset}-${last}` };
  const { statusCode, body } = await connection.open("GET", url, { accept: [200, 206], headers, signal });
  // 200: the server gives the whole file, whatever was asked for.
  let skip = statusCode === 200 ? offset : 0;
  let left = length;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      const bytes = chunk.subarray(skip, skip + left);
      skip = Math.max(0, skip - chunk.byteLength);
      left -= bytes.byteLength;
      if (bytes.byteLength > 0) yield bytes;
      // Leaving the loop ends the answer, and with it the connection.
      if (left === 0) return;
    }
  } catch (error) {
    throw networkError(error, "GET", url, signal);
  }
}
