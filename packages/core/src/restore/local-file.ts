import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { streamHash } from "../hash/stream-hash.js";
import { errorCode, onDisk } from "./disk.js";
import type { PlannedFile } from "./plan.js";

const READ_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(READ_BYTES);

/** What a file on the disk must be: content with a hash, and zeros behind it up to its length. */
export type Content = Pick<PlannedFile, "bytes" | "sha256" | "length">;

export interface ReadingOptions {
  readonly signal: AbortSignal | undefined;
  /** Makes what was read durable: of whoever wrote it, nobody knows whether it did. */
  readonly settle?: boolean;
  /** Sees every chunk, while it isn't known yet whether it is right. */
  readonly onChunk?: (chunk: Buffer) => void;
}

/**
 * What of a file that is on the disk isn't as it must be. Its length is looked at first; holes count as the zeros that they read as.
 * @returns undefined when it is right; else a sentence that reads on after its name
 */
export async function whatDiffers(
  path: string,
  expected: Content,
  { signal, settle = false, onChunk }: ReadingOptions,
): Promise<string | undefined> {
  return onDisk(`reading ${path}`, async () => {
    let file: FileHandle;
    try {
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return "is missing";
      if (errorCode(error) === "ELOOP") return "is a link";
      throw error;
    }
    try {
      const stats = await file.stat();
      if (!stats.isFile()) return "is not a file";
      if (stats.size !== expected.length) return `has ${stats.size} bytes instead of ${expected.length}`;
      const difference = await compare(file, expected, signal, onChunk);
      if (difference === undefined && settle) await file.sync();
      return difference;
    } finally {
      await file.close();
    }
  });
}

async function compare(
  file: FileHandle,
  { bytes, sha256 }: Content,
  signal: AbortSignal | undefined,
  onChunk: ((chunk: Buffer) => void) | undefined,
): Promise<string | undefined> {
  const hash = streamHash(bytes);
  try {
    let nonZero: number | undefined;
    let position = 0;
    await readChunks(file, Infinity, signal, async (chunk) => {
      onChunk?.(chunk);
      const content = chunk.subarray(0, Math.max(0, bytes - position));
      if (content.byteLength > 0) await hash.update(content);
      const tail = chunk.subarray(content.byteLength);
      if (!isZero(tail)) nonZero ??= position + content.byteLength;
      position += chunk.byteLength;
    });
    if ((await hash.digest()) !== sha256) return "has other bytes";
    return nonZero === undefined ? undefined : `has something else than zeros behind its ${bytes} bytes`;
  } finally {
    hash.close();
  }
}

/** Reads an open file from its start, up to `limit` bytes. The chunk is in a buffer that is used again. */
export async function readChunks(
  file: FileHandle,
  limit: number,
  signal: AbortSignal | undefined,
  onChunk: (chunk: Buffer) => Promise<void> | void,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(1, limit)));
  for (let position = 0; position < limit;) {
    signal?.throwIfAborted();
    const length = Math.min(buffer.byteLength, limit - position);
    const { bytesRead } = await file.read(buffer, 0, length, position);
    if (bytesRead === 0) return;
    await onChunk(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/** At most as many bytes as one read gives. */
export function isZero(bytes: Buffer): boolean {
  return bytes.compare(ZEROS, 0, bytes.byteLength) === 0;
}
