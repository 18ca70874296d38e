const READ_BYTES = 1024 * 1024;

/** Reads into a buffer at a position of a file; resolves with the number of bytes, 0 at the end. */
export type ReadAt = (buffer: Buffer, position: number) => Promise<number>;

/** A part of an open file, for a reader of zips: what it gets, it keeps, so that every chunk has a buffer of its own. */
export async function* readRange(read: ReadAt, offset: number, length: number): AsyncGenerator<Uint8Array> {
  for (let position = offset; position < offset + length;) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, offset + length - position));
    const count = await read(buffer, position);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}
