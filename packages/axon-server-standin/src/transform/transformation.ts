import { readdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { fileName, INDEX_EXTENSIONS, type SegmentId, segmentsOf } from "../format/names.js";
import { readSegment } from "../format/reader.js";
import { encodeTransaction, END_BYTES, segmentHeader } from "../format/segment.js";
import { type IndexFileOptions, writeIndexFiles } from "../store/index-files.js";
import { emptyEvent } from "./empty-event.js";

/** An event transformation while it is being applied. */
export interface Transformation {
  /** Its number within the context, which is the version that it gives to segments. */
  readonly version: number;
  /** The segments that have not been written yet, in the order in which they will be. */
  readonly pending: readonly number[];
  /** Writes the new version of the next segment, and returns its number; undefined when all are written. */
  applyNext(): number | undefined;
  /** Writes the rest. */
  apply(): void;
}

export interface TransformationTarget {
  /** The context's directory. */
  readonly directory: string;
  /** Only segments up to this one are closed, and can be transformed. */
  readonly lastClosed: number;
  readonly index: IndexFileOptions;
}

/**
 * Begins the deletion of events, which stay as empty ones.
 * @throws RangeError if one of them isn't in a closed segment
 */
export function beginTransformation(target: TransformationTarget, deleted: Iterable<number>): Transformation {
  const tokens = new Set(deleted);
  const versions = segmentsOf("events", readdirSync(target.directory));
  const newest = new Map(versions.map((id) => [id.segment, id]));
  const touched = new Set([...tokens].map((token) => holderOf(target, newest, token)));
  const version = Math.max(0, ...versions.map((id) => id.version)) + 1;
  const pending = [...touched].sort((a, b) => a - b);
  const applyNext = (): number | undefined => {
    const segment = pending.shift();
    const from = segment === undefined ? undefined : newest.get(segment);
    if (from !== undefined) writeVersion(target, from, version, tokens);
    return segment;
  };
  return {
    version,
    pending,
    applyNext,
    apply: () => {
      while (applyNext() !== undefined);
    },
  };
}

/** Deletes all but the newest version of each segment, with their index files. Returns the deleted names. */
export function compact(directory: string): readonly string[] {
  const versions = segmentsOf("events", readdirSync(directory));
  const newest = new Map(versions.map((id) => [id.segment, id.version]));
  const superseded = versions.filter((id) => id.version !== newest.get(id.segment));
  const names = new Set(readdirSync(directory));
  const deleted = superseded
    .flatMap((id) => ["events", ...INDEX_EXTENSIONS.events].map((extension) => fileName(id, extension)))
    .filter((name) => names.has(name));
  for (const name of deleted) unlinkSync(join(directory, name));
  return deleted;
}

function holderOf(
  target: TransformationTarget,
  newest: ReadonlyMap<number, SegmentId>,
  token: number,
): number {
  const segment = [...newest.keys()].filter((first) => first <= token).at(-1);
  if (segment !== undefined && segment <= target.lastClosed) return segment;
  throw new RangeError(`event ${token} is in no closed segment: only those are transformed`);
}

/** Exactly as long as its content, end marker included; written under another name first. */
function writeVersion(
  { directory, index }: TransformationTarget,
  from: SegmentId,
  version: number,
  deleted: ReadonlySet<number>,
): void {
  const parts: Buffer[] = [segmentHeader()];
  readSegment(join(directory, fileName(from, "events")), from.segment, ({ firstToken, events }) => {
    const kept = events.map((event, position) =>
      deleted.has(firstToken + position) ? emptyEvent(event) : event,
    );
    parts.push(encodeTransaction(kept));
  });
  const marker = Buffer.alloc(END_BYTES);
  marker.writeInt32BE(-1);
  const id = { segment: from.segment, version };
  const path = join(directory, fileName(id, "events"));
  writeFileSync(`${path}.transformed`, Buffer.concat([...parts, marker]));
  renameSync(`${path}.transformed`, path);
  writeIndexFiles(directory, "events", id, index);
}
