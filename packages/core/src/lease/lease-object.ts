import { bytesSource, isSinkError, type Sink, SinkError, type StoredObject } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { decodeDocument, encodeDocument } from "../repository/document.js";
import { WRITER_KEY } from "../repository/layout.js";
import { options, readOptional } from "../repository/read-optional.js";
import { askedBeforeEnd } from "../sinks/asked-source.js";
import type { Holder } from "./holder.js";

/** Bytes. What is larger isn't ours. */
const MAX_BYTES = 64 * 1024;

/** What stands under the lease's key. */
export interface Found {
  /** Undefined when it can't be read. */
  readonly holder: Holder | undefined;
  readonly bytes: Uint8Array;
  /** The storage's own, from before the bytes were read: a condition on it fails if they have changed since. */
  readonly version: string | undefined;
  /** By the storage's clock. */
  readonly modified: Date | undefined;
}

/** What stands there, with all that is needed to put something in its place. @returns undefined when nobody holds the lease */
export async function readLease(sink: Sink, signal?: AbortSignal): Promise<Found | undefined> {
  // Mostly nothing is there, and this alone is asked.
  if ((await readBytes(sink, signal)) === undefined) return undefined;
  try {
    const { version, modified } = await sink.stat(WRITER_KEY, options(signal));
    const bytes = await readBytes(sink, signal);
    return bytes && { holder: decode(bytes), bytes, version, modified };
  } catch (error) {
    if (isSinkError(error, "not-found")) return undefined;
    throw error;
  }
}

/** @returns undefined when nobody holds the lease, or who does can't be read */
export async function readHolder(sink: Sink, signal?: AbortSignal): Promise<Holder | undefined> {
  const bytes = await readBytes(sink, signal);
  return bytes && decode(bytes);
}

function readBytes(sink: Sink, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
  return readOptional(sink, WRITER_KEY, signal, MAX_BYTES);
}

function decode(bytes: Uint8Array): Holder | undefined {
  try {
    return decodeDocument("writer", bytes, WRITER_KEY) as Holder;
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

/**
 * Writes the lease in the place of what was found there. Where the storage knows conditions, it decides between two that do this at once. Where it doesn't, what is there is read once more
 * when all but the last byte is stored; of two that are faster than that, the later one wins, and the other finds out when it looks.
 * @returns undefined when somebody else was faster
 */
export async function writeLease(
  sink: Sink,
  holder: Holder,
  instead: Pick<Found, "version" | "bytes"> | undefined,
  signal?: AbortSignal,
): Promise<StoredObject | undefined> {
  const source = bytesSource(encodeDocument("writer", holder));
  const how = { ...options(signal), kind: "document" } as const;
  const { ifAbsent, ifUnchanged } = sink.conditional ?? {};
  try {
    if (instead === undefined && ifAbsent) return await ifAbsent(WRITER_KEY, source, how);
    if (instead?.version !== undefined && ifUnchanged)
      return await ifUnchanged(WRITER_KEY, instead.version, source, how);
  } catch (error) {
    if (!isSinkError(error, "conflict")) throw error;
    // Some servers take the marker of a deleted object, in a bucket with versions, for an object that is there.
    if (instead !== undefined || (await readBytes(sink, signal)) !== undefined) return undefined;
  }
  const overtaken = new SinkError("conflict", `somebody else was faster to write ${WRITER_KEY}`);
  const isSame = async (): Promise<void> => {
    const now = await readBytes(sink, signal);
    const same = instead ? now && Buffer.compare(now, instead.bytes) === 0 : now === undefined;
    if (same !== true) throw overtaken;
  };
  try {
    return await sink.put(WRITER_KEY, askedBeforeEnd(source, isSame), how);
  } catch (error) {
    if (error === overtaken) return undefined;
    throw error;
  }
}
