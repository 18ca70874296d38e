import { exactly, type Source } from "@axon-backup/sink";
import { type Buffers, PART_BYTES } from "./buffers.js";

/** S3: parts of a multipart upload are numbered from 1 to this. */
export const MAX_PARTS = 10_000;
/** S3: least size of a part that isn't the last one. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;

const MiB = 1024 * 1024;

/** Size of the parts of `size` bytes, so that `parts` of them suffice. */
export function partSize(size: number, parts = MAX_PARTS): number {
  return Math.max(PART_BYTES, Math.ceil(size / parts / MiB) * MiB);
}

/**
 * The source's bytes in parts of `size` bytes, each in a buffer of its own, which the consumer gives back. The last one comes only when the
 * source has ended as it should: before that, nothing that is complete can have been sent.
 */
export async function* partsOf(
  source: Source,
  size: number,
  buffers: Buffers,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let left = source.size;
  let filled = 0;
  let buffer: Buffer | undefined;
  try {
    for await (const chunk of exactly(source, signal))
      for (let taken = 0; taken < chunk.byteLength;) {
        buffer ??= await buffers.acquire(Math.min(size, left), signal);
        const piece = chunk.subarray(taken, taken + buffer.byteLength - filled);
        buffer.set(piece, filled);
        filled += piece.byteLength;
        taken += piece.byteLength;
        if (filled < buffer.byteLength || left === filled) continue;
        const full = buffer;
        left -= filled;
        filled = 0;
        buffer = undefined;
        yield full;
      }
    if (buffer !== undefined) {
      const last = buffer;
      buffer = undefined;
      yield last;
    }
  } finally {
    if (buffer !== undefined) buffers.release(buffer);
  }
}
