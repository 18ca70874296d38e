import { crc32 } from "node:zlib";

import {
  LogScanner,
  type LogEntry,
  type LogIndex,
  logIndex,
  type LogSegmentScan,
} from "@axon-backup/axon-server";
import fc from "fast-check";

import { END_MARKER, header } from "./segment-encoder.js";

/** What an entry is made of. */
export interface EntryFields {
  readonly term: bigint;
  readonly type?: number;
  readonly version?: number;
  readonly data: Uint8Array;
}

/** `size version term type data crc32` */
export function encodeEntry({ term, type = 1, version = 0, data }: EntryFields): Buffer {
  const head = Buffer.alloc(17);
  head.writeInt32BE(data.length, 0);
  head.writeUInt8(version, 4);
  head.writeBigInt64BE(term, 5);
  head.writeInt32BE(type, 13);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(data));
  return Buffer.concat([head, data, crc]);
}

/** A log entry segment's bytes, and what a reader must find in them. */
export interface LogModel {
  readonly first: LogIndex;
  readonly bytes: Buffer;
  readonly complete: boolean;
  readonly entries: readonly LogEntry[];
}

/** Any log entry segment, as a server may have written it. What is behind an end marker may be left over from before a crash. */
export const logModel: fc.Arbitrary<LogModel> = fc
  .record({
    first: fc.integer({ min: 1, max: 2 ** 40 }),
    entries: fc.array(
      fc.record({
        steps: fc.bigInt({ min: 0n, max: 3n }),
        type: fc.integer({ min: 0, max: 9 }),
        data: fc.uint8Array({ minLength: 1, maxLength: 60 }),
      }),
      { maxLength: 8 },
    ),
    complete: fc.boolean(),
    tail: fc.oneof(
      fc.nat({ max: 100 }).map((length) => new Uint8Array(length)),
      fc.uint8Array({ maxLength: 100 }),
    ),
  })
  .map(({ first, entries, complete, tail }) => {
    const bytes = [header(0)];
    const read: LogEntry[] = [];
    let offset = 5;
    let term = 1n;
    entries.forEach(({ steps, type, data }, position) => {
      term += steps;
      const encoded = encodeEntry({ term, type, data });
      const end = offset + encoded.length;
      read.push({
        offset,
        end,
        index: logIndex(first + position),
        term: Number(term),
        type,
        size: data.length,
      });
      bytes.push(encoded);
      offset = end;
    });
    bytes.push(complete ? END_MARKER : Buffer.alloc(4), Buffer.from(tail));
    return { first: logIndex(first), bytes: Buffer.concat(bytes), complete, entries: read };
  });

/** Where the entries of a model end. */
export function entriesEnd(model: LogModel): number {
  return model.entries.at(-1)?.end ?? 5;
}

/** Reads pieces with a scanner, each from a buffer that is overwritten afterwards. */
export function readLog(
  pieces: Iterable<Uint8Array>,
  first: LogIndex,
  fileLength?: number,
): { readonly scan: LogSegmentScan; readonly entries: readonly LogEntry[] } {
  const entries: LogEntry[] = [];
  const scanner = new LogScanner({
    first,
    onEntry: (entry) => entries.push(entry),
    ...(fileLength !== undefined && { fileLength }),
  });
  for (const piece of pieces) {
    const copy = Uint8Array.from(piece);
    scanner.push(copy);
    copy.fill(0xee);
  }
  return { scan: scanner.end(), entries };
}
