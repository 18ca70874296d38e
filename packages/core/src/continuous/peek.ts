import { HEADER_BYTES, type SourceHandle } from "@axon-backup/axon-server";

/** Bytes of a size, or of an end marker (docs/axon-server.md, section 4). */
const FIELD = 4;
/** Bytes that tell a segment's content up to an offset from any other: the last transaction's CRC is among them, also in front of an end marker. */
const TELLING = 8;

/** The bytes around the end of what is known of a segment. */
export interface Peek {
  /** In front of it: the CRC of the last transaction among them, or the header. Fewer than there should be when the file is shorter. */
  readonly before: Buffer;
  /** Behind it. */
  readonly behind: Buffer;
}

/** How many bytes in front of an offset tell whether the file is still the one that was read. */
export function telling(offset: number): number {
  return Math.min(offset, TELLING);
}

/** Those bytes, at the end of a chunk that follows bytes of which they were `before`. */
export function toldBy(before: Uint8Array, chunk: Uint8Array): Buffer {
  return Buffer.concat([before, chunk.subarray(-TELLING)]).subarray(-TELLING);
}

/** Reads a few bytes around the end of what is known: whether anything has changed, and whether there is anything new, costs one small read. */
export async function peek(handle: SourceHandle, offset: number): Promise<Peek> {
  const before = telling(offset);
  const buffer = Buffer.alloc(before + (offset === 0 ? HEADER_BYTES : 0) + FIELD);
  const count = await handle.read(buffer, offset - before);
  return {
    before: buffer.subarray(0, Math.min(count, before)),
    behind: buffer.subarray(Math.min(count, before), count),
  };
}

/** Whether there is something behind the end of what is known: the size of a transaction, or an end marker. */
export function isNews({ behind }: Peek): boolean {
  return behind.some((byte) => byte !== 0);
}
