import { readdirSync } from "node:fs";
import { join } from "node:path";

import { fileName, type SegmentId, segmentsOf, type Store } from "./format/names.js";
import { readSegment, type SegmentContent, type TransactionVisitor } from "./format/reader.js";

/** What a store holds, by the stand-in's own reader. */
export interface StoreContent {
  /** The segments that a server would read: of each, its highest version. Ascending. */
  readonly segments: readonly (SegmentId & SegmentContent)[];
  /** The token that the next event will have; the first segment's number, 0 when there is none, plus the events. */
  readonly nextToken: number;
}

/**
 * Reads the whole store of a context's directory, as a server does at its start.
 * @throws Error if a segment in front of the last one isn't complete, one is torn, or tokens have a gap.
 */
export function inspectStore(directory: string, store: Store, visit?: TransactionVisitor): StoreContent {
  const newest = new Map(segmentsOf(store, readdirSync(directory)).map((id) => [id.segment, id]));
  const segments: (SegmentId & SegmentContent)[] = [];
  let nextToken = newest.keys().next().value ?? 0;
  for (const id of newest.values()) {
    const path = join(directory, fileName(id, store));
    const before = segments.at(-1);
    if (before !== undefined && before.state !== "closed") {
      throw new Error(`${path}: the segment in front of it, ${before.segment}, has no end marker`);
    }
    if (id.segment !== nextToken)
      throw new Error(`${path}: expected the segment to start at token ${nextToken}`);
    const content = readSegment(path, id.segment, visit);
    if (content.state === "torn") throw new Error(`${path}: no valid transaction at byte ${content.end}`);
    segments.push({ ...id, ...content });
    nextToken = content.nextToken;
  }
  return { segments, nextToken };
}
