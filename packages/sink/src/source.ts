import { SinkError } from "./errors.js";

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
 * The chunks of `source`, for a sink's `put`: opens it, and holds it to its size. Rejects with the source's own error, unchanged; with
 * the signal's reason as soon as it is aborted, even when the source takes no notice; and with `invalid` when the source gives
 * fewer or more than `source.size` bytes (never more than that are yielded).
 */
export async function* exactly(source: Source, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  signal?.throwIfAborted();
  let interrupt: ((reason: unknown) => void) | undefined;
  const onAbort = (): void => interrupt?.(signal?.reason);
  // Registered before the source's own listener, so that the signal's reason comes before whatever the source makes of it.
  signal?.addEventListener("abort", onAbort, { once: true });
  const iterator = source.open(signal)[Symbol.asyncIterator]();
  const next = (): Promise<IteratorResult<Uint8Array, unknown>> =>
    new Promise((resolve, reject) => {
      interrupt = reject;
      iterator.next().then(resolve, reject);
    });
  let size = 0;
  let ended = false;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const step = await next();
      if (step.done === true) break;
      size += step.value.byteLength;
      if (size > source.size)
        throw new SinkError(
          "invalid",
          `the source gives more than the ${source.size} bytes that it announced`,
        );
      yield step.value;
    }
    ended = true;
    if (size < source.size)
      throw new SinkError(
        "invalid",
        `the source ended after ${size} of the ${source.size} bytes that it announced`,
      );
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    if (!ended) {
      // As `for await` does it, a failing release doesn't hide the failure that led to it. A source that hangs can't be waited for.
      const released = Promise.resolve(iterator.return?.()).catch(() => undefined);
      if (signal?.aborted !== true) await released;
    }
  }
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
    // Not slice(): of a Buffer it gives a view.
    chunks.push(new Uint8Array(chunk));
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}
