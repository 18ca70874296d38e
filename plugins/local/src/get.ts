import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { checkRange, type ByteRange, type CallOptions, type ObjectKey, SinkError } from "@axon-backup/sink";
import { attempt, foreignError } from "./errors.js";
import { missing, rejectMissing } from "./missing.js";
import type { Root } from "./root.js";

const CHUNK_BYTES = 1024 * 1024;
// O_NONBLOCK: opening a FIFO in the object's place must not wait. It means nothing to regular files.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The bytes of an object's file, or of a range; the next chunk is read while the consumer works on one. */
export async function* getFile(
  root: Root,
  key: ObjectKey,
  { range, signal }: CallOptions & { readonly range?: ByteRange } = {},
): AsyncGenerator<Uint8Array, void, void> {
  signal?.throwIfAborted();
  checkRange(range);
  const { path, dir } = root.place(key);
  if (!(await root.has(dir))) throw missing(path);
  const file = await open(path, READ).catch((error: unknown) => rejectMissing(root, error, "open", path));
  let pending: Promise<Buffer> | undefined;
  try {
    const before = await attempt("look at", path, file.stat({ bigint: true }));
    if (before.isDirectory()) throw missing(path);
    if (!before.isFile()) throw foreignError(path, "not a regular file");
    const size = Number(before.size);
    const { from, to } = cut(range, size, path);
    const length = Math.min(CHUNK_BYTES, to - from);
    const buffers = [0, 1].map((index) =>
      index * length < to - from ? Buffer.allocUnsafeSlow(length) : Buffer.alloc(0),
    );
    const read = (at: number): Promise<Buffer> | undefined => {
      const buffer = buffers[((at - from) / CHUNK_BYTES) & 1];
      if (at >= to || buffer === undefined) return undefined;
      const promise = readFully(file, path, buffer.subarray(0, Math.min(length, to - at)), at);
      promise.catch(() => undefined);
      return promise;
    };
    pending = read(from);
    for (let at = from; pending !== undefined; at += CHUNK_BYTES) {
      const chunk: Buffer = await pending;
      signal?.throwIfAborted();
      pending = read(at + CHUNK_BYTES);
      yield chunk;
      signal?.throwIfAborted();
    }
    const after = await attempt("look at", path, file.stat({ bigint: true }));
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs)
      throw new SinkError("transient", `${path} changed while it was being read`);
  } finally {
    await Promise.allSettled([pending]);
    await file.close();
  }
}

function cut(range: ByteRange | undefined, size: number, path: string): { from: number; to: number } {
  const from = range?.offset ?? 0;
  if (from > size)
    throw new SinkError("range", `byte ${from} is beyond the end of ${path}, which has ${size} bytes`);
  return { from, to: range?.length === undefined ? size : Math.min(size, from + range.length) };
}

async function readFully(file: FileHandle, path: string, into: Buffer, at: number): Promise<Buffer> {
  let filled = 0;
  while (filled < into.byteLength) {
    const { bytesRead } = await attempt(
      "read",
      path,
      file.read(into, filled, into.byteLength - filled, at + filled),
    );
    if (bytesRead === 0) throw new SinkError("transient", `${path} became shorter while it was being read`);
    filled += bytesRead;
  }
  return into;
}
