import { bytesSource, isSinkError, readAll, type Sink, type StoredObject } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { decodeDocument, encodeDocument } from "../repository/document.js";
import { WRITER_KEY } from "../repository/layout.js";
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

/** @returns undefined when nobody holds the lease */
export async function readLease(sink: Sink, signal?: AbortSignal): Promise<Found | undefined> {
  const options = signal === undefined ? {} : { signal };
  try {
    const { version, modified } = await sink.stat(WRITER_KEY, options);
    const bytes = await readAll(sink.get(WRITER_KEY, options), MAX_BYTES);
    return { holder: decode(bytes), bytes, version, modified };
  } catch (error) {
    if (isSinkError(error, "not-found")) return undefined;
    throw error;
  }
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
 * Writes the lease in the place of what was found there. Where the storage knows conditions, it decides between two that do this at once;
 * where it doesn't, the later one wins, and the other finds out when it looks.
 * @returns undefined when somebody else was faster
 */
export async function writeLease(
  sink: Sink,
  holder: Holder,
  instead: Pick<Found, "version"> | undefined,
  signal?: AbortSignal,
): Promise<StoredObject | undefined> {
  const source = bytesSource(encodeDocument("writer", holder));
  const options = { kind: "document", ...(signal && { signal }) } as const;
  const { ifAbsent, ifUnchanged } = sink.conditional ?? {};
  try {
    if (instead === undefined) return await (ifAbsent ?? sink.put.bind(sink))(WRITER_KEY, source, options);
    if (ifUnchanged && instead.version !== undefined)
      return await ifUnchanged(WRITER_KEY, instead.version, source, options);
    return await sink.put(WRITER_KEY, source, options);
  } catch (error) {
    if (isSinkError(error, "conflict")) return undefined;
    throw error;
  }
}
