import { AxonServerError } from "../errors.js";
import type { SourceHandle } from "../source/types.js";
import type { Token } from "../token.js";
import { pause } from "../pause.js";
import { HEADER_BYTES, segmentHeader } from "./header.js";
import { readInto } from "./read-into.js";
import { SegmentScanner } from "./scanner.js";
import type { SegmentHeader, SegmentPosition, SegmentScan, SegmentVisitor } from "./types.js";

/** Milliseconds before a torn transaction is read again; longer each time. */
const RETRY_DELAY = 10;

/** How to read a segment's file. */
export interface ScanSegmentOptions extends SegmentVisitor {
  /** The segment's number, which is the token of its first event. */
  readonly segment: Token;
  /** Where to begin, if not at the file's start. At an offset inside of the header, reading begins at the start. */
  readonly from?: SegmentPosition;
  /** How often a transaction that looks torn is read again before it is called so. For a file that a server writes to. Default 3. */
  readonly retryTorn?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads a segment's file once, ascending, up to `file.size`, or to where nothing more is to be learned: an open segment costs about the
 * bytes of its transactions, whatever its length.
 *
 * A server writes a transaction's size last, so what lies behind a size is complete; but one read can bring older bytes from behind a
 * size that was written meanwhile (the file is memory-mapped there). Hence a torn transaction is read again, from its first byte.
 *
 * Rejects with an AxonServerError `unreadable` if the file is too short for `from`; with what `file.read` rejects with, the signal's
 * reason, or what a visitor threw.
 */
export async function scanSegment(file: SourceHandle, options: ScanSegmentOptions): Promise<SegmentScan> {
  const { segment, from, retryTorn = 3, signal, ...visitor } = options;
  let start =
    from === undefined || from.offset < HEADER_BYTES ? undefined : await scanStart(file, from, signal);
  let transactions = 0;
  for (let retries = 0; ; retries++) {
    const scanner = new SegmentScanner({
      segment,
      ...(start === undefined ? {} : { from: start }),
      fileLength: file.size,
      ...visitor,
    });
    await readInto(scanner, file, start?.offset ?? 0, signal);
    const found = scanner.end();
    // Where nothing more was to be learned, the rest was not read.
    const scan: SegmentScan = scanner.done
      ? { ...found, length: file.size, validBytes: found.state === "foreign" ? file.size : found.validBytes }
      : found;
    transactions += scan.transactions;
    if (scan.transactions > 0) retries = 0;
    if (scan.state !== "torn" || retries >= retryTorn || scan.validBytes < HEADER_BYTES) {
      return { ...scan, transactions };
    }
    await pause(RETRY_DELAY * (retries + 1), signal);
    start = {
      offset: scan.validBytes,
      token: scan.nextToken,
      formatVersion: scan.formatVersion,
      flags: scan.flags,
    };
  }
}

/** The position, with the header that reading from there doesn't see. */
async function scanStart(
  file: SourceHandle,
  from: SegmentPosition,
  signal: AbortSignal | undefined,
): Promise<SegmentPosition & SegmentHeader> {
  signal?.throwIfAborted();
  const bytes = Buffer.alloc(HEADER_BYTES);
  let read = 0;
  for (let more = -1; read < HEADER_BYTES && more !== 0; read += more) {
    more = await file.read(bytes.subarray(read), read);
  }
  if (read < HEADER_BYTES || file.size < from.offset) {
    throw new AxonServerError(
      "unreadable",
      `The segment's file has ${file.size} bytes, and was to be read from byte ${from.offset} on`,
      "A segment never gets shorter: check whether the server's storage was restored or replaced.",
    );
  }
  return { ...from, ...segmentHeader(bytes) };
}
