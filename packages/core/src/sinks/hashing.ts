import { createHash } from "node:crypto";
import type { SourceHandle } from "@axon-backup/axon-server";
import type { ObjectKey, Sink, Source } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { type StreamHash, streamHash } from "../hash/stream-hash.js";

/** Small reads and writes are ten times slower than large ones; larger ones than this gain nothing. */
const BUFFER_BYTES = 1024 * 1024;

/** A hash that the bytes sent must have at an offset. */
export interface PrefixCheck {
  readonly bytes: number;
  readonly sha256: string;
  /** What it means when they don't. */
  readonly mismatch: () => Error;
}

export interface FileSourceOptions {
  readonly check?: PrefixCheck | undefined;
  /** Sees each chunk as it goes out. */
  readonly onChunk?: (chunk: Uint8Array) => void;
  /** Called when reading begins, also when it begins anew after a failure. */
  readonly onStart?: () => void;
}

/** The first `size` bytes of an open file as a source; `sha256()` is that of the bytes sent by its last complete reading. */
export interface HashedSource extends Source {
  sha256(): Promise<string>;
}

/**
 * Sends the first `size` bytes of a file and hashes those very bytes. The file is read ahead by one buffer while the sink takes the other.
 * The check is made before the last chunk goes out: a sink can't have stored an object that fails it.
 */
export function hashedFileSource(
  handle: SourceHandle,
  path: string,
  size: number,
  options: FileSourceOptions = {},
): HashedSource {
  let digest: Promise<string> | undefined;
  const onDigest = (value: Promise<string> | undefined): void => {
    digest = value;
  };
  return {
    size,
    async sha256() {
      if (digest === undefined) throw new Error(`${path} has not been sent whole`);
      return digest;
    },
    open: (signal) => readHashed(handle, path, size, options, onDigest, signal),
  };
}

/** @param onDigest told of the hash when all bytes are read; of none when reading begins */
async function* readHashed(
  handle: SourceHandle,
  path: string,
  size: number,
  options: FileSourceOptions,
  onDigest: (digest: Promise<string> | undefined) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  onDigest(undefined);
  options.onStart?.();
  const hash = streamHash(size);
  try {
    let sent = 0;
    for await (const chunk of readAhead(handle, path, size, signal)) {
      await checkedUpdate(hash, chunk, sent, options.check);
      sent += chunk.byteLength;
      options.onChunk?.(chunk);
      if (sent === size) onDigest(started(hash.digest()));
      yield chunk;
    }
    if (size === 0) onDigest(started(hash.digest()));
  } finally {
    hash.close();
  }
}

/** Awaited later, or never if the sink fails first: its failure must not count as unhandled. */
function started(digest: Promise<string>): Promise<string> {
  digest.catch(() => undefined);
  return digest;
}

/** Adds a chunk to the hash, and compares it at the check's offset if that lies within. */
async function checkedUpdate(
  hash: StreamHash,
  chunk: Uint8Array,
  before: number,
  check: PrefixCheck | undefined,
): Promise<void> {
  const upTo = check === undefined ? -1 : check.bytes - before;
  if (check === undefined || upTo <= 0 || upTo > chunk.byteLength) {
    await hash.update(chunk);
    return;
  }
  await hash.update(chunk.subarray(0, upTo));
  if ((await hash.digest()) !== check.sha256) throw check.mismatch();
  await hash.update(chunk.subarray(upTo));
}

/** SHA-256 of a file's first `bytes` bytes. */
export async function hashPrefix(
  handle: SourceHandle,
  bytes: number,
  signal?: AbortSignal,
  onChunk?: (chunk: Uint8Array) => void,
): Promise<string> {
  const hash = streamHash(bytes);
  try {
    for await (const chunk of readAhead(handle, "the segment", bytes, signal)) {
      onChunk?.(chunk);
      await hash.update(chunk);
    }
    return await hash.digest();
  } finally {
    hash.close();
  }
}

/** SHA-256 of an object. */
export async function hashObject(
  sink: Sink,
  key: ObjectKey,
  signal: AbortSignal | undefined,
  onChunk?: (chunk: Uint8Array) => void,
): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of sink.get(key, signal ? { signal } : {})) {
    onChunk?.(chunk);
    hash.update(chunk);
  }
  return hash.digest("hex");
}

/** The first `size` bytes in order, in two buffers that take turns: one is being read while the other is being used. */
async function* readAhead(
  handle: SourceHandle,
  path: string,
  size: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const length = Math.min(BUFFER_BYTES, size);
  let current = Buffer.allocUnsafe(length);
  // Most files are read at once, and need no second one.
  let spare: typeof current | undefined;
  const start = (buffer: Buffer, position: number): Promise<number> =>
    handle.read(buffer.subarray(0, size - position), position);
  let pending = size > 0 ? start(current, 0) : Promise.resolve(0);
  try {
    for (let position = 0; position < size;) {
      const count = await pending;
      signal?.throwIfAborted();
      if (count === 0)
        throw new EngineError(
          "failed",
          `${path} ended at byte ${position} of ${size} while it was being read`,
          "Something shortened the file. Try again; if it stays, check the server's storage.",
        );
      const chunk = current.subarray(0, count);
      position += count;
      if (position < size) pending = start((spare ??= Buffer.allocUnsafe(length)), position);
      yield chunk;
      if (spare) [current, spare] = [spare, current];
    }
  } finally {
    // The caller closes the file next: a read must not be under way then. Its failure doesn't matter any more.
    await pending.catch(() => 0);
  }
}
