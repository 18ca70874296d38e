const MiB = 1024 * 1024;

/**
 * The bytes of `chunks` in larger chunks, for a sink's `get`: whoever reads takes every chunk through several steps, which cost more than copying it
 * here. The buffer is used again for the next one. When `chunks` fail, what was gathered is dropped.
 *
 * @param bytes how many come, if that is known: then no more is allocated
 * @param onProgress called for each of `chunks`
 */
export async function* gather(
  chunks: AsyncIterable<Uint8Array>,
  bytes = MiB,
  onProgress?: () => void,
): AsyncGenerator<Uint8Array, void, void> {
  let buffer: Uint8Array | undefined;
  let filled = 0;
  for await (const chunk of chunks) {
    onProgress?.();
    for (let taken = 0; taken < chunk.byteLength;) {
      buffer ??= new Uint8Array(Math.max(1, Math.min(MiB, bytes)));
      const part = chunk.subarray(taken, taken + buffer.byteLength - filled);
      buffer.set(part, filled);
      filled += part.byteLength;
      taken += part.byteLength;
      if (filled < buffer.byteLength) continue;
      yield buffer;
      filled = 0;
    }
  }
  if (buffer !== undefined && filled > 0) yield buffer.subarray(0, filled);
}
