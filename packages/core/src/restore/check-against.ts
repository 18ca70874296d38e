import type { PlannedFile, StorePlan } from "./plan.js";
import type { CheckFinding, ReadStore, SegmentFile } from "./judge-store.js";

/** What comparing a store with a restore point gave. */
export interface Compared {
  readonly findings: readonly CheckFinding[];
  /** Worth knowing, no damage. */
  readonly notes: readonly string[];
}

/**
 * Compares a store that was read with what a restore of a restore point puts there. Pure. Where the restore cuts, the bytes that are left have no hash of their own: there the transactions
 * count, and where they end.
 * @param present names of the store's files in the directory
 * @param differences what isn't right of files that are no segments
 */
export function compareStore(
  { store, segments }: ReadStore,
  { files, nextToken }: StorePlan,
  present: ReadonlySet<string>,
  differences: ReadonlyMap<string, string>,
  context: string,
): Compared {
  const findings: CheckFinding[] = [];
  const notes: string[] = [];
  const report = (path: string, finding: string): void => void findings.push({ path, finding });
  const last = segments.at(-1);
  const planned = new Set(files.map(({ name }) => name));
  /** Snapshots that may be of a later state than the events are left out. */
  const mayEnd = (file: PlannedFile): boolean =>
    store === "snapshots" && (last === undefined || file.first >= last.name.segment);

  const endOf = ({ first }: PlannedFile): number =>
    files.find((other) => other.kind === "segment" && other.first > first)?.first ?? nextToken;

  for (const file of files) {
    const read = segments.find(({ name }) => name.name === file.name);
    if (!present.has(file.name)) {
      if (mayEnd(file)) notes.push(`${context}: ${file.name} was left out`);
      else if (file.kind === "index")
        notes.push(`${context}: ${file.name} is missing; the server makes it anew`);
      else report(file.name, "is missing");
    } else if (file.cutBefore !== undefined && read) {
      const why = whyNotCut(read, file.cutBefore, file.length);
      if (why !== undefined) report(file.name, why);
    } else if (read?.read.difference !== undefined) {
      if (mayEnd(file) && read === last && isCut(read, file.length, endOf(file)))
        notes.push(
          `${context}: ${file.name} ends before token ${read.read.scan.nextToken}: later snapshots were left out`,
        );
      else report(file.name, read.read.difference);
    } else {
      const why = differences.get(file.name);
      if (why !== undefined) report(file.name, why);
    }
  }
  for (const name of present) if (!planned.has(name)) report(name, "isn't part of the restore point");
  return { findings, notes };
}

/** Whether it may be a segment that ends before `end` now, for all that it says itself: `judgeStore` has looked at the rest of it. */
function isCut({ read: { scan, length: found } }: SegmentFile, length: number, end: number): boolean {
  return found === length && scan.state === "open" && scan.nextToken < end;
}

function whyNotCut({ read }: SegmentFile, cutBefore: number, length: number): string | undefined {
  const { scan, lastTransaction } = read;
  if (read.length !== length) return `has ${read.length} bytes instead of ${length}`;
  if (lastTransaction !== undefined && lastTransaction >= cutBefore)
    return `goes on with token ${lastTransaction}, and should be cut before ${cutBefore}`;
  if (scan.nextToken < cutBefore)
    return `ends before token ${scan.nextToken}, and should hold what comes before ${cutBefore}`;
  return undefined;
}
