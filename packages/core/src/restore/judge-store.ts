import type { IndexName, SegmentName, StoreKind, Token } from "@axon-backup/axon-server";
import type { ReadSegment } from "./check-files.js";

/** Of a segment file's end: a size of zero, or the end marker. */
const END_BYTES = 4;

export interface SegmentFile {
  readonly name: SegmentName;
  readonly read: ReadSegment;
}

/** Something that isn't as it should be. */
export interface CheckFinding {
  /** Relative to the directory. */
  readonly path: string;
  /** A sentence that reads on after the path. */
  readonly finding: string;
}

/** One store of a restored context, read. */
export interface ReadStore {
  readonly store: StoreKind;
  /** Ascending by segment, then version. */
  readonly segments: readonly SegmentFile[];
  readonly indexes: readonly IndexName[];
}

/** The segments that count: each in its newest version. */
export function newestOf(segments: readonly SegmentFile[]): readonly SegmentFile[] {
  return segments.filter(({ name }, index) => segments[index + 1]?.name.segment !== name.segment);
}

/** The token after the last one in a store; 0 for an empty one. */
export function endOfStore(segments: readonly SegmentFile[]): Token {
  return newestOf(segments).at(-1)?.read.scan.nextToken ?? (0 as Token);
}

/** What a store's own bytes say against it: transactions and their CRCs, tokens without a gap, zeros behind the content, and what a server would stumble on. Pure. */
export function judgeStore({ segments, indexes }: ReadStore): CheckFinding[] {
  const findings: CheckFinding[] = [];
  const report = (name: string, finding: string): void => void findings.push({ path: name, finding });
  const newest = newestOf(segments);
  for (const { name, read } of segments) {
    const why = whyUnsound(read);
    if (why !== undefined) report(name.name, why);
  }
  for (const [index, { name, read }] of newest.entries()) {
    const next = newest[index + 1];
    const { state, nextToken } = read.scan;
    if (!next || state === "torn" || state === "foreign") continue;
    if (state === "open")
      report(name.name, `has no end marker, and another segment, ${next.name.name}, follows`);
    else if (nextToken !== next.name.segment)
      report(
        name.name,
        `ends before token ${nextToken}, and the next segment, ${next.name.name}, doesn't begin with that`,
      );
  }
  const open = newest.at(-1);
  if (open?.read.scan.state === "open")
    for (const { name, segment } of indexes)
      if (segment === open.name.segment)
        report(
          name,
          "is an index file of the open segment: a server takes that for a closed one, and refuses every append",
        );
  return findings;
}

function whyUnsound({ scan, length, contentEnd }: ReadSegment): string | undefined {
  if (scan.state === "foreign") return undefined;
  if (scan.state === "torn") return `is damaged: ${scan.reason}`;
  if (contentEnd > scan.validBytes)
    return `has something else than zeros behind its ${scan.validBytes} valid bytes`;
  if (scan.state === "open" && length < scan.validBytes + END_BYTES)
    return "is cut at its last byte, and not filled with zeros: a server doesn't start with it";
  return undefined;
}
