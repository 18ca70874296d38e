import type { SourceHandle } from "../source/types.js";

/** The first read is small, since an open segment often has little new; the next ones grow to the largest. */
const FIRST_READ = 64 * 1024;
const LARGEST_READ = 1024 * 1024;

/** What takes a file's bytes as they come. */
export interface ByteReader {
  /** Whether nothing more is to be learned. */
  readonly done: boolean;
  /** The next bytes, which are valid during the call only. */
  push(chunk: Uint8Array): void;
}

/** Reads a file once, ascending, from `offset` up to `file.size` or to where `reader` is done. */
export async function readInto(
  reader: ByteReader,
  file: SourceHandle,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let buffer = Buffer.alloc(0);
  let position = offset;
  while (position < file.size && !reader.done) {
    signal?.throwIfAborted();
    if (buffer.length < LARGEST_READ) buffer = Buffer.allocUnsafe(Math.max(FIRST_READ, buffer.length * 2));
    const read = await file.read(buffer.subarray(0, Math.min(buffer.length, file.size - position)), position);
    if (read === 0) break;
    reader.push(buffer.subarray(0, read));
    position += read;
  }
}
