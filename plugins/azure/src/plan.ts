const KiB = 1024;
const MiB = 1024 * KiB;

/** Blocks that a blob has at most: https://learn.microsoft.com/azure/storage/blobs/scalability-targets */
export const MAX_BLOCKS = 50_000;
/** Bytes of a block if nothing says otherwise, and of what is put in one request. */
export const BLOCK_BYTES = 4 * MiB;
/** Objects up to this size, and blocks at the end of one that grows, are written anew rather than extended by another block. */
export const SMALL_BYTES = 64 * KiB;

/** A block that is part of a blob. */
export interface CommittedBlock {
  readonly id: string;
  /** Bytes. */
  readonly size: number;
}

/** Bytes of the blocks of an object of `size` bytes, so that the blocks that a blob may have suffice. */
export function blockBytes(size: number, wanted = BLOCK_BYTES): number {
  const needed = Math.ceil(size / (MAX_BLOCKS / 2));
  return needed <= wanted ? wanted : Math.ceil(needed / MiB) * MiB;
}

/** How a blob is extended: what stays as it is, and what is stored once more before the new bytes. */
export interface ExtendPlan {
  /** IDs of the blocks that stay. */
  readonly blocks: readonly string[];
  /** Where they end: from here to the bytes that are kept, the blob is read and stored again, in front of the new bytes. */
  readonly from: number;
}

/**
 * Keeps the blocks that end within the first `keep` bytes. A small one at the end goes with the new bytes into a new block: a blob that is extended every second
 * would come to the end of its blocks otherwise.
 *
 * @param blocks those of the blob, in order; none for one that was put in one request
 * @param size the blob's bytes
 * @param added how many come
 */
export function planExtend(
  blocks: readonly CommittedBlock[],
  size: number,
  keep: number,
  added: number,
): ExtendPlan {
  const again: ExtendPlan = { blocks: [], from: 0 };
  if (blocks.reduce((sum, block) => sum + block.size, 0) !== size) return again;
  let count = 0;
  let from = 0;
  for (const block of blocks) {
    if (from + block.size > keep) break;
    from += block.size;
    count++;
  }
  const last = blocks[count - 1];
  if (last !== undefined && added > 0 && last.size < SMALL_BYTES) {
    count--;
    from -= last.size;
  }
  const total = keep + added;
  const more = Math.ceil((total - from) / blockBytes(total));
  if (count + more > MAX_BLOCKS) return again;
  return { blocks: blocks.slice(0, count).map(({ id }) => id), from };
}
