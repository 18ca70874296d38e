import { fileName, INDEX_EXTENSIONS, type SegmentId, segmentsOf, type Store } from "../format/names.js";
import { type Generation, hasVersions } from "../options.js";
import type { StoreState } from "../store/event-store.js";
import type { ServerDirectory } from "./paths.js";

/** What a caller says that it has. */
export interface Cursor {
  readonly lastSegment: number;
  readonly lastVersion: number;
}

export interface ListingRequest {
  readonly generation: Generation;
  readonly storage: ServerDirectory;
  readonly context: string;
  readonly store: Store;
  readonly state: StoreState;
  readonly cursor: Cursor;
}

/** The paths of `GET /v1/backup/filenames`: closed segments beyond the cursor and their index files, in the server's own order. */
export function closedFiles(request: ListingRequest): string[] {
  const { generation, context, store, state, cursor } = request;
  const segments = segmentsOf(store, state.names).filter((id) => id.segment <= state.lastClosed);
  const names = hasVersions(generation)
    ? newNames(store, segments, cursor)
    : oldNames(store, segments, cursor);
  // 4.6 resolves its storage directory at the start, the others don't.
  return names.map((name) => request.storage.spell(generation !== "4.6", context, name));
}

/** The paths of the open segments, highest first: in `GET /v1/backup/eventstore` they stand before the closed ones. */
export function openFiles({ context, store, state, storage }: ListingRequest): string[] {
  return segmentsOf(store, state.names)
    .filter((id) => id.segment > state.lastClosed)
    .reverse()
    .map((id) => storage.spell(false, context, fileName(id, store)));
}

/** 4.4 and 4.6: segments downwards, then index files downwards. */
function oldNames(store: Store, segments: readonly SegmentId[], cursor: Cursor): string[] {
  const listed = segments.filter((id) => id.version === 0 && id.segment > cursor.lastSegment).reverse();
  return [
    ...listed.map((id) => fileName(id, store)),
    ...listed.flatMap((id) => INDEX_EXTENSIONS[store].map((extension) => fileName(id, extension))),
  ];
}

/**
 * 2023.x: all by name. A segment is listed if it, or a version of it, is beyond the cursor; then the index files of version 0 are among its files, even when
 * compaction has deleted them.
 */
function newNames(store: Store, segments: readonly SegmentId[], cursor: Cursor): string[] {
  const listed = segments.filter(
    (id) => id.segment > cursor.lastSegment || id.version > Math.max(0, cursor.lastVersion),
  );
  const indexed = [...listed, ...listed.map((id) => ({ ...id, version: 0 }))];
  const names = [
    ...listed.map((id) => fileName(id, store)),
    ...indexed.flatMap((id) => INDEX_EXTENSIONS[store].map((extension) => fileName(id, extension))),
  ];
  return [...new Set(names)].sort();
}
