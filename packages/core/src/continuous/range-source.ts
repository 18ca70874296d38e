import { createHash, type Hash } from "node:crypto";
import { HEADER_BYTES, segmentHeader, SegmentScanner, type SourceHandle } from "@axon-backup/axon-server";
import type { Source } from "@axon-backup/sink";
import { isWhatWasSeen } from "../backup/open-scan.js";
import type { OpenSegment } from "../repository/manifest.js";
import { Ended } from "./ended.js";
import { toldBy } from "./peek.js";
import type { WatchedSegment } from "./types.js";

/** New bytes are read, hashed and sent in pieces of this size. */
const BUFFER_BYTES = 1024 * 1024;

/** The hash of a segment's beginning, to be gone on with. */
export interface RunningHash {
  readonly bytes: number;
  readonly hash: Hash;
  /** The last of those bytes: the file's must still be the same. */
  readonly before: Buffer;
}

/** The bytes of a segment that a copy doesn't have yet. */
export interface RangeSource extends Source {
  /** Of the whole, up to the range's end; of its last complete reading. */
  result(): RunningHash;
}

/** Hashes the beginning that is on the sink already. @throws Ended `changed` when the file has other bytes */
export async function hashBeginning(
  handle: SourceHandle,
  path: string,
  { validBytes, sha256 }: OpenSegment,
  signal: AbortSignal,
): Promise<RunningHash> {
  const hash = createHash("sha256");
  let before: Buffer = Buffer.alloc(0);
  for await (const chunk of bytesOf(handle, path, 0, validBytes, signal)) {
    hash.update(chunk);
    before = toldBy(before, chunk);
  }
  if (hash.copy().digest("hex") === sha256) return { bytes: validBytes, hash, before };
  throw changed(path, otherBeginning({ validBytes }));
}

/** What a copy that begins anew goes on from: nothing. */
export function nothingYet({ file }: WatchedSegment): Parameters<typeof rangeSource>[2] {
  return { bytes: 0, hash: createHash("sha256"), before: Buffer.alloc(0), nextToken: file.name.segment };
}

/**
 * The bytes from where a copy ends to where the segment was seen to end. They are read as transactions on the way, and the last of them are given only if these are what was seen: the file may
 * have become another one since.
 * @param beginning what they must begin with
 */
export function rangeSource(
  handle: SourceHandle,
  seen: WatchedSegment,
  from: RunningHash & { readonly nextToken: OpenSegment["nextToken"] },
  beginning?: OpenSegment,
): RangeSource {
  let result: RunningHash | undefined;
  const { file, validBytes, tail } = seen;
  const { path } = file;
  return {
    size: validBytes - from.bytes,
    result() {
      if (result === undefined) throw new Error(`${path} has not been sent to its end`);
      return result;
    },
    async *open(signal) {
      result = undefined;
      const scanner = await scannerAt(handle, path, file.name.segment, from);
      const hash = from.hash.copy();
      let { before } = from;
      let at = from.bytes;
      for await (const chunk of bytesOf(handle, path, from.bytes, validBytes, signal)) {
        scanner.push(chunk);
        const left = beginning === undefined ? -1 : beginning.validBytes - at;
        if (beginning && left > 0 && left <= chunk.byteLength) {
          hash.update(chunk.subarray(0, left));
          if (hash.copy().digest("hex") !== beginning.sha256) throw changed(path, otherBeginning(beginning));
          hash.update(chunk.subarray(left));
        } else hash.update(chunk);
        before = toldBy(before, chunk);
        at += chunk.byteLength;
        if (at === validBytes) {
          const isSeen = isWhatWasSeen(scanner.end(), seen) && (tail === undefined || before.equals(tail));
          if (!isSeen)
            throw changed(
              path,
              `its bytes ${from.bytes} to ${validBytes} are not the transactions that were seen`,
            );
          result = { bytes: validBytes, hash, before };
        }
        yield chunk;
      }
    },
  };
}

async function scannerAt(
  handle: SourceHandle,
  path: string,
  segment: WatchedSegment["nextToken"],
  { bytes, before, nextToken }: RunningHash & { readonly nextToken: OpenSegment["nextToken"] },
): Promise<SegmentScanner> {
  const there = Buffer.alloc(before.byteLength);
  await handle.read(there, bytes - before.byteLength);
  if (!there.equals(before)) throw changed(path, `the bytes before ${bytes} are not those that were stored`);
  if (bytes < HEADER_BYTES) return new SegmentScanner({ segment, fileLength: handle.size });
  const header = Buffer.alloc(HEADER_BYTES);
  await handle.read(header, 0);
  const from = { offset: bytes, token: nextToken, ...segmentHeader(header) };
  return new SegmentScanner({ segment, from, fileLength: handle.size });
}

/** A part of a file, in order. The chunks share a buffer. */
async function* bytesOf(
  handle: SourceHandle,
  path: string,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, void> {
  const buffer = Buffer.allocUnsafe(Math.min(BUFFER_BYTES, to - from));
  for (let at = from; at < to;) {
    signal?.throwIfAborted();
    const count = await handle.read(buffer.subarray(0, to - at), at);
    if (count === 0) throw changed(path, `it ends at byte ${at} of ${to}`);
    yield buffer.subarray(0, count);
    at += count;
  }
}

function changed(path: string, what: string): Ended {
  return new Ended("changed", `${path} is not what it was: ${what}`);
}

function otherBeginning({ validBytes }: Pick<OpenSegment, "validBytes">): string {
  return `its first ${validBytes} bytes are not those that were stored`;
}
