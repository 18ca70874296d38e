/**
 * Bytes to be stored, which can be read more than once: a retry opens the source again.
 */
export interface Source {
  /** How many bytes `open` gives, exactly. */
  readonly size: number;
  /**
   * Reads the bytes from the beginning. The chunks belong to the source: a consumer that keeps one beyond its next step must copy it
   * (sources reuse their buffers). Rejects when the bytes can't be had; a sink passes such an error on as it is.
   */
  open(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** A source of bytes in memory. */
export function bytesSource(bytes: Uint8Array | string): Source {
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return {
    size: data.byteLength,
    // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
    async *open() {
      if (data.byteLength > 0) yield data;
    },
  };
}

/** The bytes of `source` from `offset` on, for sinks whose `extend` falls back to something that needs a part. */
export function sliceSource(source: Source, offset: number): Source {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > source.size)
    throw new RangeError(`offset ${offset} is outside of a source of ${source.size} bytes`);
  return {
    size: source.size - offset,
    async *open(signal) {
      let skip = offset;
      for await (const chunk of source.open(signal)) {
        if (skip >= chunk.byteLength) skip -= chunk.byteLength;
        else {
          yield chunk.subarray(skip);
          skip = 0;
        }
      }
    },
  };
}

/**
 * All bytes of a stream in one array. For small objects only: manifests and the like.
 * @throws RangeError when there are more than `limit` bytes (default 64 MiB).
 */
export async function readAll(
  stream: AsyncIterable<Uint8Array>,
  limit = 64 * 1024 * 1024,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > limit) throw new RangeError(`the object is larger than ${limit} bytes`);
    chunks.push(chunk.slice());
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
