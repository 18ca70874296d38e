import {
  type IndexName,
  isJumpSkipIndex,
  type SegmentName,
  type SourceFile,
  type StoreListing,
  type Token,
} from "@axon-backup/axon-server";
import type { ClosedFile } from "../repository/manifest.js";
import { freeObject, objectOf } from "../repository/closed-object.js";
import { longName } from "./long-name.js";
import { isSegmentFile, isSuperseded, newestVersions, segmentOf } from "./store-files.js";

/** A closed file of the store that can be copied. */
export type ClosedSource = SourceFile<SegmentName | IndexName>;

/** What happens to one closed file. */
export type PlannedFile =
  /** Taken over from the newest restore point: nothing to send. */
  | { readonly kind: "inherited"; readonly entry: ClosedFile }
  /** A run that was cut off has stored it. Taken over if the server still has the same bytes; no restore point vouches for that yet. */
  | { readonly kind: "resume"; readonly file: ClosedSource; readonly earlier: ClosedFile }
  | { readonly kind: "new"; readonly file: ClosedSource }
  /**
   * It is in the newest restore point, but gone from the sink or damaged there: what is stored now must be the same bytes, under the name that it has there, which the server may have
   * changed since.
   */
  | { readonly kind: "repair"; readonly file: ClosedSource; readonly expected: ClosedFile }
  /**
   * It was damaged on the server when it was stored, or so it was read. If the server's file is whole by now, that one is stored, as `object`, which isn't there yet. `intact`: the sink still
   * has what was stored.
   */
  | {
      readonly kind: "retry";
      readonly file: ClosedSource;
      readonly entry: ClosedFile;
      readonly intact: boolean;
      readonly object: string;
    };

/** What the newest restore point, the sink and runs that were cut off say about one store's closed files. */
export interface StoredFiles {
  /** Of the newest restore point, in its order. */
  readonly closed: readonly ClosedFile[];
  /** What runs that were cut off have stored and confirmed. */
  readonly unfinished: ReadonlyMap<string, ClosedFile>;
  /** The size of the object of this name that the sink holds. */
  readonly sizeOf: (name: string) => number | undefined;
  /** Every object that the sink holds of this store. */
  readonly names: () => readonly string[];
  /** Whether `verify` found the object damaged. */
  readonly isDamaged: (name: string) => boolean;
}

/** What one run does with one store's closed files. */
export interface StorePlan {
  /** Those of the restore point: as in the newest one, in its order, without what was superseded since; then the new ones by name. */
  readonly files: readonly PlannedFile[];
  /** Segments of the newest restore point that are gone or damaged on the sink, and that the server doesn't list any more. */
  readonly lost: readonly ClosedFile[];
  /** Index files in the same position: derived data, left out. */
  readonly dropped: readonly ClosedFile[];
}

/**
 * What to store and what is inherited. Pure: everything that it decides on is in its arguments.
 *
 * A restore point has each segment in its newest version alone: what a transformation has superseded isn't stored, and isn't inherited either. So it stays as long as a restore point from
 * before, and goes with the last one.
 *
 * Open segments aren't here: their copies are overwritten, always, whatever the sink holds.
 */
export function planStore(listing: Pick<StoreListing, "closed" | "indexes">, stored: StoredFiles): StorePlan {
  const listed = new Map<string, ClosedSource>();
  for (const file of [...listing.closed, ...listing.indexes])
    if (isKept(file)) listed.set(longName(file.name.name), file);

  const newest = newestVersions(namesOf(listed.values(), stored.closed));
  const intact = (file: ClosedFile): boolean => isIntact(file, stored);
  const files: PlannedFile[] = [];
  const lost: ClosedFile[] = [];
  const dropped: ClosedFile[] = [];
  for (const expected of stored.closed) {
    const file = listed.get(longName(expected.name));
    listed.delete(longName(expected.name));
    if (isSuperseded(expected.name, newest)) continue;
    if (file && expected.problem !== undefined)
      files.push({
        kind: "retry",
        file,
        entry: expected,
        intact: intact(expected),
        object: freeObject(expected, stored.sizeOf),
      });
    else if (intact(expected)) files.push({ kind: "inherited", entry: expected });
    else if (file) files.push({ kind: "repair", file, expected });
    else (isSegmentFile(expected.name) ? lost : dropped).push(expected);
  }
  for (const [, file] of [...listed].sort(([one], [other]) => (one < other ? -1 : 1))) {
    if (isSuperseded(file.name.name, newest)) continue;
    const earlier = stored.unfinished.get(file.name.name);
    files.push(earlier && intact(earlier) ? { kind: "resume", file, earlier } : { kind: "new", file });
  }
  return { files, lost, dropped };
}

function* namesOf(listed: Iterable<ClosedSource>, closed: readonly ClosedFile[]): Iterable<string> {
  for (const { name } of listed) yield name.name;
  for (const { name } of closed) yield name;
}

/**
 * The segment after which the server must list, so that everything that has to be stored again comes back too: the cursor, or less when
 * closed files are gone or damaged on the sink, or have a problem. Null: list everything.
 */
export function listAfter(cursor: Token | null, stored: StoredFiles): Token | null {
  if (cursor === null) return null;
  let lowest = Infinity;
  for (const file of stored.closed)
    if (file.problem !== undefined || !isIntact(file, stored))
      lowest = Math.min(lowest, segmentOf(file.name));
  if (lowest > cursor) return cursor;
  let after: Token | null = null;
  for (const { name } of stored.closed) {
    const segment = segmentOf(name);
    if (segment < lowest && (after === null || segment > after)) after = segment;
  }
  return after;
}

/** Whether the sink has a file's object, as far as a listing and marks tell. */
function isIntact(
  file: ClosedFile,
  { sizeOf, isDamaged }: Pick<StoredFiles, "sizeOf" | "isDamaged">,
): boolean {
  const object = objectOf(file);
  return sizeOf(object) === file.size && !isDamaged(object);
}

/** Jump skip indexes change all the time and are never restored: storing them would cost and bring nothing. */
function isKept(file: SourceFile): file is ClosedSource {
  return file.name.kind !== "global-index" && !isJumpSkipIndex(file.name);
}
