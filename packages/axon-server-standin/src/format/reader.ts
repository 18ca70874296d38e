import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";

import { END_BYTES, HEADER_BYTES, TRANSACTION_HEADER_BYTES } from "./segment.js";

/** What a segment's file holds. */
export interface SegmentContent {
  /** Bytes. */
  readonly length: number;
  /** `closed`: by an end marker; `open`: a size of zero, or nothing, follows the last transaction; `torn`: something else does. */
  readonly state: "closed" | "open" | "torn";
  /** Whether nothing but zeros comes behind. Not while a transaction is being written, nor after a crash in the middle of one. */
  readonly zeroTail: boolean;
  /** The end of the last complete transaction, without an end marker. */
  readonly end: number;
  /** The token after the last event. */
  readonly nextToken: number;
  readonly transactions: number;
}

/** Called with each complete transaction; the bytes are valid during the call only. */
export type TransactionVisitor = (transaction: {
  readonly firstToken: number;
  readonly offset: number;
  /** The protobuf bytes of each event. */
  readonly events: readonly Buffer[];
}) => void;

/**
 * Reads a segment, one transaction at a time. Small on purpose: it is the stand-in's own account of the format, which shares no code with the reader that is tested
 * against it.
 */
export function readSegment(path: string, firstToken: number, visit?: TransactionVisitor): SegmentContent {
  const file = openSync(path, "r");
  try {
    const { size: length } = fstatSync(file);
    const read = (position: number, bytes: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(file, buffer, 0, bytes, position));
    };
    let offset = HEADER_BYTES;
    let nextToken = firstToken;
    let transactions = 0;
    for (;;) {
      const found = (state: SegmentContent["state"]): SegmentContent => {
        const tail = state === "closed" ? offset + END_BYTES : offset;
        return { length, state, end: offset, zeroTail: isZero(read, tail, length), nextToken, transactions };
      };
      const header = read(offset, TRANSACTION_HEADER_BYTES);
      const size = header.byteLength < END_BYTES ? 0 : header.readInt32BE(0);
      if (size === -1) return found("closed");
      if (size === 0) return found("open");
      const end = offset + TRANSACTION_HEADER_BYTES + size + 4;
      if (size < 0 || end > length) return found("torn");
      const events = eventsOf(read(offset + TRANSACTION_HEADER_BYTES, size + 4), header.readInt16BE(5));
      if (events === undefined) return found("torn");
      visit?.({ firstToken: nextToken, offset, events });
      offset = end;
      nextToken += events.length;
      transactions += 1;
    }
  } finally {
    closeSync(file);
  }
}

/** The events of a transaction, or undefined if CRC or count are wrong. */
function eventsOf(data: Buffer, count: number): Buffer[] | undefined {
  const crcAt = data.byteLength - 4;
  if (crc32(data.subarray(0, crcAt)) !== data.readUInt32BE(crcAt)) return undefined;
  const events: Buffer[] = [];
  for (let position = 0; position < crcAt;) {
    const end = position + 4 + data.readInt32BE(position);
    if (end <= position || end > crcAt) return undefined;
    events.push(data.subarray(position + 4, end));
    position = end;
  }
  return events.length === count ? events : undefined;
}

function isZero(read: (position: number, bytes: number) => Buffer, from: number, to: number): boolean {
  const step = 1 << 20;
  for (let position = from; position < to; position += step) {
    if (!read(position, Math.min(step, to - position)).every((byte) => byte === 0)) return false;
  }
  return true;
}
