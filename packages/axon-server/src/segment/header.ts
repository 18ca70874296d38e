import type { SegmentHeader } from "./types.js";

/** A segment's `version` and `flags`, in front of its first transaction (docs/axon-server.md, section 4). */
export const HEADER_BYTES = 5;

/** The header that a segment begins with, from its first bytes: `HEADER_BYTES` at least. */
export function segmentHeader(bytes: Buffer): SegmentHeader {
  return { formatVersion: bytes.readUInt8(0), flags: bytes.readInt32BE(1) };
}
