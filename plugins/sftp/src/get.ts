import {
  checkRange,
  type ByteRange,
  type CallOptions,
  gather,
  type ObjectKey,
  SinkError,
} from "@axon-backup/sink";
import { type Tools, tidyAfterReading } from "./call.js";
import { foreignError, missing } from "./errors.js";
import { Files, type OpenFile } from "./files.js";
import { Interrupt } from "./interrupt.js";
import { rejectMissing } from "./missing.js";

/** Reads on their way. */
const PIPELINE = 16;

/** The bytes of an object's file, or of a range, with many requests on their way. */
export async function* getFile(
  { connections, root }: Tools,
  key: ObjectKey,
  { range, signal, onProgress }: CallOptions & { readonly range?: ByteRange } = {},
): AsyncGenerator<Uint8Array, void, void> {
  signal?.throwIfAborted();
  checkRange(range);
  const interrupt = new Interrupt(signal);
  try {
    const files = new Files(await connections.session(interrupt), interrupt);
    const { path } = root.place(key);
    const file = await files
      .open(path, "r")
      .catch((error: unknown) => rejectMissing(root, files, error, path));
    try {
      const before = await files.fstat(file);
      if (before.isDirectory()) throw missing(path);
      if (!before.isFile()) throw foreignError(path);
      const { from, to } = cut(range, before.size, path);
      for await (const chunk of gather(readRange(files, file, from, to), to - from, onProgress)) {
        yield chunk;
        signal?.throwIfAborted();
      }
      const after = await files.fstat(file);
      if (after.size !== before.size || after.mtime !== before.mtime)
        throw new SinkError("transient", `${path} changed on the server while it was being read`);
    } finally {
      await tidyAfterReading(files, (steady) => steady.close(file));
    }
  } finally {
    interrupt.release();
  }
}

/** A buffer is read into again only when its consumer has gone on. */
async function* readRange(
  files: Files,
  file: OpenFile,
  from: number,
  to: number,
): AsyncGenerator<Buffer, void, void> {
  const length = Math.min(files.abilities.chunkBytes, to - from);
  const count = length === 0 ? 0 : Math.min(PIPELINE, Math.ceil((to - from) / length));
  const buffers = Array.from({ length: count }, () => Buffer.allocUnsafeSlow(length));
  const reads: Promise<Buffer>[] = [];
  let next = from;
  const start = (buffer: Buffer): void => {
    if (next >= to) return;
    const part = buffer.subarray(0, Math.min(length, to - next));
    const read = readFully(files, file, part, next);
    // Awaited later; until then its failure must not count as unhandled.
    read.catch(() => undefined);
    reads.push(read);
    next += part.byteLength;
  };
  for (const buffer of buffers) start(buffer);
  for (let index = 0; reads.length > 0; index = (index + 1) % count) {
    const chunk = await reads.shift();
    if (chunk === undefined) return;
    yield chunk;
    start(buffers[index] ?? chunk);
  }
}

/** Servers may give less than was asked for. */
async function readFully(files: Files, file: OpenFile, into: Buffer, at: number): Promise<Buffer> {
  for (let filled = 0; filled < into.byteLength;) {
    const count = await files.read(file, into.subarray(filled), at + filled);
    if (count === 0)
      throw new SinkError("transient", `${file.path} became shorter on the server while it was being read`);
    filled += count;
  }
  return into;
}

function cut(range: ByteRange | undefined, size: number, path: string): { from: number; to: number } {
  const from = range?.offset ?? 0;
  if (from > size)
    throw new SinkError("range", `byte ${from} is beyond the end of ${path}, which has ${size} bytes`);
  return { from, to: range?.length === undefined ? size : Math.min(size, from + range.length) };
}
