import type { FileHandle } from "node:fs/promises";
import { exactly, type Source } from "@axon-backup/sink";
import { attempt } from "./errors.js";

const BUFFER_BYTES = 1024 * 1024;
/** What is skipped when it is zeros: a page, the block of most file systems. */
const BLOCK_BYTES = 4096;
const ZEROS = Buffer.alloc(BLOCK_BYTES);
/** Start the disk's work on what was written at this distance, so that the last sync finds little left to do. */
const FLUSH_BYTES = 8 * 1024 * 1024;

/**
 * Writes `source` behind the first `offset` bytes of a file that has just these, and syncs it. Blocks of zeros become holes. Chunks are
 * collected in two buffers in turn: one is written while the source fills the other.
 */
export async function writeSource(
  handle: FileHandle,
  path: string,
  offset: number,
  source: Source,
  signal?: AbortSignal,
): Promise<void> {
  const end = offset + source.size;
  const length = Math.max(1, Math.min(BUFFER_BYTES, source.size));
  let filling = Buffer.allocUnsafeSlow(length);
  let spare = source.size > bufferRoom(offset, length) ? Buffer.allocUnsafeSlow(length) : filling;
  let filled = 0;
  let at = offset;
  // How far the file reaches: less than what was handed over when that ends in a hole.
  let pending: Promise<number> = Promise.resolve(offset);
  let flush: Flush = { from: offset, done: Promise.resolve() };
  const hand = async (): Promise<void> => {
    await pending;
    flush = early(handle, flush, at);
    const [bytes, position] = [filling.subarray(0, filled), at];
    [filling, spare] = [spare, filling];
    at += filled;
    filled = 0;
    pending = writeBlocks(handle, path, bytes, position);
    // Awaited in the next step; until then its failure must not count as unhandled.
    pending.catch(() => undefined);
  };
  try {
    for await (const chunk of exactly(source, signal)) {
      for (let taken = 0; taken < chunk.byteLength;) {
        const room = bufferRoom(at, filling.byteLength) - filled;
        const part = chunk.subarray(taken, taken + room);
        filling.set(part, filled);
        filled += part.byteLength;
        taken += part.byteLength;
        if (part.byteLength === room) await hand();
      }
    }
    if (filled > 0) await hand();
    // A hole at the end is there only once the size is set.
    if ((await pending) < end) await attempt("set the size of", path, handle.truncate(end));
    signal?.throwIfAborted();
    await attempt("sync", path, flush.done);
    await attempt("sync", path, handle.sync());
  } finally {
    await Promise.allSettled([pending, flush.done]);
  }
}

/** Bytes that a buffer takes for a write at `position`, so that the next one begins at a block of the file. */
function bufferRoom(position: number, length: number): number {
  return length <= BLOCK_BYTES ? length : length - (position % BLOCK_BYTES);
}

interface Flush {
  /** Everything before this offset is on its way to the disk. */
  readonly from: number;
  readonly done: Promise<void>;
}

function early(handle: FileHandle, last: Flush, position: number): Flush {
  if (position - last.from < FLUSH_BYTES) return last;
  const done = last.done.then(() => handle.datasync());
  // Awaited in the end: Linux reports a failed write-back once, so that the last sync alone wouldn't tell.
  done.catch(() => undefined);
  return { from: position, done };
}

/** Writes `bytes` at `position`, without the blocks that are all zeros. Resolves with the end of what was written. */
async function writeBlocks(
  handle: FileHandle,
  path: string,
  bytes: Buffer,
  position: number,
): Promise<number> {
  let from = 0;
  let end = 0;
  for (let at = 0; at < bytes.byteLength;) {
    const next = Math.min(bytes.byteLength, at + BLOCK_BYTES - ((position + at) % BLOCK_BYTES));
    if (isZero(bytes, at, next)) {
      await writeAll(handle, path, bytes, from, at, position);
      from = next;
    } else end = position + next;
    at = next;
  }
  await writeAll(handle, path, bytes, from, bytes.byteLength, position);
  return end;
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  return bytes[from] === 0 && bytes.compare(ZEROS, 0, to - from, from, to) === 0;
}

async function writeAll(
  handle: FileHandle,
  path: string,
  bytes: Buffer,
  from: number,
  to: number,
  position: number,
): Promise<void> {
  while (from < to) {
    const { bytesWritten } = await attempt(
      "write",
      path,
      handle.write(bytes, from, to - from, position + from),
    );
    from += bytesWritten;
  }
}
