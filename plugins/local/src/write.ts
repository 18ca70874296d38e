import type { FileHandle } from "node:fs/promises";
import { exactly, type Source } from "@axon-backup/sink";
import { attempt } from "./errors.js";

const BUFFER_BYTES = 1024 * 1024;
/**
 * A chunk of this size or more is written as it is: copying it first would cost more than waiting for its write, while a source that reads ahead
 * goes on. So is one that is all there is to write, as of small files.
 */
const LARGE_CHUNK_BYTES = 256 * 1024;
/** What is skipped when it is zeros: a page, the block of most file systems. */
const BLOCK_BYTES = 4096;
const ZEROS = Buffer.alloc(BLOCK_BYTES);
/** Start the disk's work on what was written at this distance, so that the last sync finds little left to do. */
const FLUSH_BYTES = 4 * 1024 * 1024;

/**
 * Writes `source` behind the first `offset` bytes of a file that has just these, and syncs it. Blocks of zeros become holes. Small chunks are
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
  // Made when a small chunk comes: a source of large ones needs none.
  let filling: Buffer | undefined;
  let spare: Buffer | undefined;
  let filled = 0;
  let at = offset;
  // How far the file reaches: less than what was handed over when that ends in a hole.
  let pending: Promise<number> = Promise.resolve(offset);
  let flush: Flush = { from: offset, done: Promise.resolve() };
  const hand = async (bytes: Buffer): Promise<void> => {
    await pending;
    flush = early(handle, flush, at);
    const position = at;
    at += bytes.byteLength;
    pending = writeBlocks(handle, path, bytes, position);
    // Awaited in the next step; until then its failure must not count as unhandled.
    pending.catch(() => undefined);
  };
  const handFilled = async (): Promise<void> => {
    if (filling === undefined || filled === 0) return;
    const bytes = filling.subarray(0, filled);
    [filling, spare] = [spare, filling];
    filled = 0;
    await hand(bytes);
  };
  try {
    for await (const chunk of exactly(source, signal)) {
      if (chunk.byteLength >= LARGE_CHUNK_BYTES || chunk.byteLength === source.size) {
        await handFilled();
        await hand(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        // The chunk is the source's again with the next step.
        await pending;
        continue;
      }
      for (let taken = 0; taken < chunk.byteLength;) {
        filling ??= Buffer.allocUnsafeSlow(length);
        const room = bufferRoom(at, length) - filled;
        const part = chunk.subarray(taken, taken + room);
        filling.set(part, filled);
        filled += part.byteLength;
        taken += part.byteLength;
        if (part.byteLength === room) await handFilled();
      }
    }
    await handFilled();
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
