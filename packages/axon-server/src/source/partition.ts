import type { StoreCursor } from "../client/types.js";
import { isSegmentName } from "../files/store-file-name.js";
import type { GlobalIndexName, IndexName, SegmentName } from "../names.js";
import type { Token } from "../token.js";
import type { SourceFile, StoreListing } from "./types.js";

/** A listing's files, apart from what it is of. */
export type Partition = Pick<StoreListing, "closed" | "open" | "indexes">;

/**
 * Tells apart a listing's files (sorted; the result is too): segments above `lastClosed` are open; of the others, and of index files, those stay that came
 * after the cursor, or whose version did. The server repeats more than that (docs/axon-server.md, section 4): without a version cursor all versions, with
 * one still the index files of old versions.
 */
export function partition(
  files: readonly SourceFile[],
  lastClosed: Token | undefined,
  cursor: StoreCursor | undefined,
): Partition {
  const closed: SourceFile<SegmentName>[] = [];
  const open: SourceFile<SegmentName>[] = [];
  const indexes: SourceFile<IndexName | GlobalIndexName>[] = [];
  const isClosed = (name: SegmentName | IndexName): boolean =>
    lastClosed !== undefined && name.segment <= lastClosed;
  const isNew = (name: SegmentName | IndexName): boolean =>
    cursor === undefined || name.segment > cursor.lastClosedSegment || name.version > cursor.lastVersion;
  for (const file of files) {
    if (isFileOf(file, "global-index")) indexes.push(file);
    else if (isFileOf(file, "index")) {
      if (isClosed(file.name) && isNew(file.name)) indexes.push(file);
    } else if (isFileOf(file, "segment")) {
      if (!isClosed(file.name)) open.push(file);
      else if (isNew(file.name)) closed.push(file);
    }
  }
  return { closed, open, indexes };
}

/** The highest segment of `files`; undefined if there is none. */
export function highestSegment(files: readonly SourceFile[]): Token | undefined {
  let highest: Token | undefined;
  for (const { name } of files)
    if (isSegmentName(name) && (highest === undefined || name.segment > highest)) highest = name.segment;
  return highest;
}

function isFileOf<Kind extends SourceFile["name"]["kind"]>(
  file: SourceFile,
  kind: Kind,
): file is SourceFile<Extract<SourceFile["name"], { kind: Kind }>> {
  return file.name.kind === kind;
}
