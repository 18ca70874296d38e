import { isSinkError, type ObjectKey, readAll, type Sink } from "@axon-backup/sink";

/** Documents larger than this are not ours. */
const MAX_DOCUMENT_BYTES = 256 * 1024 * 1024;

/** Call options with the signal, if there is one. */
export function options(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** The bytes of an object, which must be small enough to be held. @returns undefined when there is none */
export async function readOptional(
  sink: Sink,
  key: ObjectKey,
  signal: AbortSignal | undefined,
  maxBytes = MAX_DOCUMENT_BYTES,
): Promise<Uint8Array | undefined> {
  try {
    return await readAll(sink.get(key, options(signal)), maxBytes);
  } catch (error) {
    if (isSinkError(error, "not-found")) return undefined;
    throw error;
  }
}
