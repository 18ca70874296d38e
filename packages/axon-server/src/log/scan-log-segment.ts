import { pause } from "../pause.js";
import { readInto } from "../segment/read-into.js";
import type { SourceHandle } from "../source/types.js";
import type { LogIndex } from "./log-index.js";
import { LogScanner } from "./scanner.js";
import type { LogSegmentScan, LogVisitor } from "./types.js";

/** Milliseconds before a torn entry is read again; longer each time. */
const RETRY_DELAY = 10;

/** How to read a log entry segment's file. */
export interface ScanLogSegmentOptions extends LogVisitor {
  /** The segment's number, which is the index of its first entry. */
  readonly first: LogIndex;
  /** How often a file that looks torn is read again before it is called so. For one that a server writes to. Default 3. */
  readonly retryTorn?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads a log entry segment's file once, ascending, up to its end marker, or to where nothing more is to be learned.
 *
 * As in event segments, a server writes an entry's size last, and one read can still bring older bytes from behind a size that was written meanwhile. Hence a torn segment is read again,
 * from its start (it is small); the visitor hears of each entry once.
 *
 * Rejects with what `file.read` rejects with, the signal's reason, or what a visitor threw.
 */
export async function scanLogSegment(
  file: SourceHandle,
  { first, retryTorn = 3, signal, onEntry }: ScanLogSegmentOptions,
): Promise<LogSegmentScan> {
  let told = first - 1;
  for (let retries = 0; ; retries++) {
    const scanner = new LogScanner({
      first,
      fileLength: file.size,
      ...(onEntry !== undefined && {
        onEntry: (entry) => {
          if (entry.index <= told) return;
          told = entry.index;
          onEntry(entry);
        },
      }),
    });
    await readInto(scanner, file, 0, signal);
    const found = scanner.end();
    // Where nothing more was to be learned, the rest was not read.
    const scan = scanner.done
      ? { ...found, length: file.size, validBytes: found.state === "foreign" ? file.size : found.validBytes }
      : found;
    if (scan.state !== "torn" || retries >= retryTorn) return scan;
    await pause(RETRY_DELAY * (retries + 1), signal);
  }
}
