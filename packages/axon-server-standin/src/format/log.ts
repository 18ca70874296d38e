import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";

import { END_BYTES, HEADER_BYTES } from "./segment.js";

/** `size:i32 version:u8 term:i64 type:i32` before an entry's data. */
export const ENTRY_HEADER_BYTES = 17;
const CRC_BYTES = 4;
const LOG_FILE = /^(\d{20})\.log$/;

/** The name of a log entry segment, or of its index. */
export function logName(first: number, extension: "log" | "index"): string {
  return `${String(first).padStart(20, "0")}.${extension}`;
}

/** The log entry segments among the names of a directory: the indexes of their first entries, ascending. */
export function logSegmentsOf(names: Iterable<string>): number[] {
  const found: number[] = [];
  for (const name of names) {
    const digits = LOG_FILE.exec(name)?.[1];
    if (digits !== undefined) found.push(Number(digits));
  }
  return found.sort((a, b) => a - b);
}

/** The first bytes of a log entry segment without a transformer: version 0, no flags. */
export function logHeader(): Buffer {
  return Buffer.alloc(HEADER_BYTES);
}

/** An entry, complete: `size version term type data crc32`. */
export function encodeLogEntry(term: number, type: number, data: Uint8Array): Buffer {
  if (data.byteLength === 0)
    throw new RangeError("a log entry has data: a size of zero is the end of the log");
  const entry = Buffer.alloc(ENTRY_HEADER_BYTES + data.byteLength + CRC_BYTES);
  entry.writeInt32BE(data.byteLength, 0);
  entry.writeBigInt64BE(BigInt(term), 5);
  entry.writeInt32BE(type, 13);
  entry.set(data, ENTRY_HEADER_BYTES);
  entry.writeUInt32BE(crc32(data), ENTRY_HEADER_BYTES + data.byteLength);
  return entry;
}

/** What a log entry segment's file holds. */
export interface LogContent {
  /** Bytes of the file. */
  readonly length: number;
  readonly state: "complete" | "open" | "torn";
  /** The end of the last complete entry, without an end marker. */
  readonly end: number;
  /** The index after the last entry. */
  readonly nextIndex: number;
  /** Of the last entry; 0 without any. */
  readonly term: number;
}

/** Reads a log entry segment. As `readSegment`, it is the stand-in's own account of the format. */
export function readLogSegment(path: string, first: number): LogContent {
  const file = openSync(path, "r");
  try {
    const { size: length } = fstatSync(file);
    const read = (position: number, bytes: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(file, buffer, 0, bytes, position));
    };
    let end = HEADER_BYTES;
    let nextIndex = first;
    let term = 0;
    for (;;) {
      const header = read(end, ENTRY_HEADER_BYTES);
      const size = header.byteLength < END_BYTES ? 0 : header.readInt32BE(0);
      if (size === -1) return { length, state: "complete", end, nextIndex, term };
      if (size === 0) return { length, state: "open", end, nextIndex, term };
      const behind = end + ENTRY_HEADER_BYTES + size + CRC_BYTES;
      if (size < 0 || behind > length) return { length, state: "torn", end, nextIndex, term };
      const data = read(end + ENTRY_HEADER_BYTES, size + CRC_BYTES);
      if (crc32(data.subarray(0, size)) !== data.readUInt32BE(size))
        return { length, state: "torn", end, nextIndex, term };
      term = Number(header.readBigInt64BE(5));
      end = behind;
      nextIndex += 1;
    }
  } finally {
    closeSync(file);
  }
}
