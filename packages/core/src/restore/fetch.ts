import { type FileHandle, open } from "node:fs/promises";
import { isSinkError, type Sink } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { type StreamHash, streamHash } from "../hash/stream-hash.js";
import { onDisk, writeAll } from "./disk.js";
import type { PlannedFile } from "./plan.js";

const FILE_MODE = 0o600;

/** An object that this sink doesn't give as it was stored: another one may. */
export class ObjectFault extends EngineError {
  /** @param what reads on after "it": what is wrong with the object */
  constructor(
    kind: "damage" | "failed",
    message: string,
    readonly what: string,
    remedy: string,
    cause?: unknown,
  ) {
    super(kind, message, remedy, cause);
  }
}

/** What to read, and what it must be. */
export type Expected = Pick<PlannedFile, "key" | "bytes" | "sha256" | "prefix">;

export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Sees every chunk before its hash is known: what it concludes counts for nothing if the fetch fails. */
  readonly onChunk?: (chunk: Uint8Array) => void;
  /** Called when all bytes are written and proved right, before the file is synced. */
  readonly finish?: (file: FileHandle) => Promise<void>;
}

/**
 * Fetches an object, or its beginning, to a new file. When it resolves, the file is on the disk, and each byte is what was backed up.
 * @throws ObjectFault `damage` when the object isn't what was stored, `failed` when it can't be read; EngineError `failed`
 */
export async function fetchFile(
  sink: Sink,
  expected: Expected,
  path: string,
  options: FetchOptions,
): Promise<void> {
  await onDisk(`writing ${path}`, async () => {
    const file = await open(path, "wx+", FILE_MODE);
    try {
      await copy(sink, expected, file, options);
      await options.finish?.(file);
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

async function copy(
  sink: Sink,
  expected: Expected,
  file: FileHandle,
  { signal, onChunk }: FetchOptions,
): Promise<void> {
  const hash = streamHash(expected.bytes);
  try {
    await copyHashed(sink, expected, file, hash, { signal, ...(onChunk && { onChunk }) });
  } finally {
    hash.close();
  }
}

async function copyHashed(
  sink: Sink,
  expected: Expected,
  file: FileHandle,
  hash: StreamHash,
  { signal, onChunk }: FetchOptions,
): Promise<void> {
  let bytes = 0;
  for await (const chunk of readObject(sink, expected, signal)) {
    bytes += chunk.byteLength;
    if (bytes > expected.bytes) throw damaged(expected, `has more than its ${expected.bytes} bytes`);
    await hash.update(chunk);
    onChunk?.(chunk);
    await writeAll(file, chunk);
  }
  if (bytes < expected.bytes)
    throw damaged(expected, `has ${bytes} of the ${expected.bytes} bytes that were stored`);
  if ((await hash.digest()) !== expected.sha256)
    throw damaged(expected, "has other bytes than those that were stored");
}

async function* readObject(
  sink: Sink,
  { key, bytes, prefix }: Expected,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (prefix && bytes === 0) return;
  try {
    yield* sink.get(key, { signal, ...(prefix && { range: { offset: 0, length: bytes } }) });
  } catch (error) {
    if (isSinkError(error, "not-found")) throw damaged({ key }, "is missing", error);
    // A link or a directory in its place: another object may be fine.
    if (isSinkError(error, "invalid")) throw damaged({ key }, `can't be read: ${error.message}`, error);
    if (!isSinkError(error)) throw error;
    throw new ObjectFault(
      "failed",
      `get ${key}: ${error.message}`,
      `can't be read: ${error.message}`,
      error.remedy ?? "Try again; if it stays, run `axon-backup check`.",
      error,
    );
  }
}

function damaged({ key }: Pick<Expected, "key">, what: string, cause?: unknown): ObjectFault {
  return new ObjectFault(
    "damage",
    `${key} is damaged on the sink: it ${what}`,
    what,
    "Nothing was restored. Restore from another sink, or from another restore point. `axon-backup verify --read-data` shows what else is damaged; the next backup stores again what the server still has.",
    cause,
  );
}
