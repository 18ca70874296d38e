import type { LogIndex } from "./log-index.js";
import type { LogSegmentScan } from "./types.js";

/** What is wrong with a replication group's log entry segments, taken together. */
export type LogProblem =
  /** The first entry behind the segment `after` is `expected`, and the next segment begins with `found`. */
  | {
      readonly kind: "gap" | "overlap";
      readonly after: LogIndex;
      readonly expected: LogIndex;
      readonly found: LogIndex;
    }
  /** A segment in front of the last one has no end marker, though entries come behind it. */
  | { readonly kind: "unfinished"; readonly segment: LogIndex }
  | { readonly kind: "torn"; readonly segment: LogIndex; readonly reason: string }
  /** Nothing can be said of its entries, nor of where the next segment should begin. */
  | { readonly kind: "foreign"; readonly segment: LogIndex; readonly formatVersion: number }
  /** `entry`'s term is lower than that of the entry before it. */
  | { readonly kind: "falling-term"; readonly segment: LogIndex; readonly entry: LogIndex };

/** What a set of log entry segments holds, and what is wrong with it. */
export interface LogChain {
  /** The first entry there is; undefined without segments. Entries before it were cleaned up. */
  readonly firstIndex: LogIndex | undefined;
  /** The entry behind the last one that can be reached without a gap from the first; undefined without segments. */
  readonly nextIndex: LogIndex | undefined;
  readonly lastTerm: number | undefined;
  readonly problems: readonly LogProblem[];
}

/**
 * Puts the scans of a replication group's segments together, which must be ascending by their first entries. Every entry from `firstIndex` up to `nextIndex` is there and has a right CRC. A torn end of the *last*
 * segment is no problem in itself: the server goes on behind the last complete entry; it is told all the same.
 */
export function logChain(scans: readonly LogSegmentScan[]): LogChain {
  const problems: LogProblem[] = [];
  let nextIndex: LogIndex | undefined;
  let lastTerm: number | undefined;
  let termBefore: number | undefined;
  let isWhole = true;
  scans.forEach((scan, position) => {
    const before = scans[position - 1];
    const segment = scan.firstIndex;
    if (before !== undefined && before.state !== "foreign" && before.nextIndex !== segment) {
      const kind = before.nextIndex < segment ? "gap" : "overlap";
      problems.push({ kind, after: before.firstIndex, expected: before.nextIndex, found: segment });
      isWhole = false;
    }
    if (before?.state === "open") problems.push({ kind: "unfinished", segment: before.firstIndex });
    if (scan.state === "torn") problems.push({ kind: "torn", segment, reason: scan.reason });
    if (scan.state === "foreign")
      problems.push({ kind: "foreign", segment, formatVersion: scan.formatVersion });
    const falls =
      termBefore !== undefined && scan.firstTerm !== undefined && scan.firstTerm < termBefore
        ? segment
        : scan.fallingTerm;
    termBefore = scan.lastTerm ?? termBefore;
    if (falls !== undefined) problems.push({ kind: "falling-term", segment, entry: falls });
    if (isWhole) {
      nextIndex = scan.nextIndex;
      lastTerm = scan.lastTerm ?? lastTerm;
    }
    if (scan.state === "foreign") isWhole = false;
  });
  return { firstIndex: scans[0]?.firstIndex, nextIndex, lastTerm, problems };
}

/** Whether a log holds `index`, such as a commit index, in what can be reached without a gap. An index before the first entry was cleaned up, and is not held. */
export function holdsEntry(chain: LogChain, index: LogIndex): boolean {
  return (
    chain.firstIndex !== undefined &&
    chain.nextIndex !== undefined &&
    index >= chain.firstIndex &&
    index < chain.nextIndex
  );
}
