import { type ServerSource, type StoreListing, token, type Token } from "@axon-backup/axon-server";
import type { ClosedFile } from "../repository/manifest.js";
import { diverged } from "./diverged.js";
import { longName } from "./long-name.js";
import type { StoreState } from "./model.js";
import { isSegmentFile, segmentOf, versionOf } from "./store-files.js";

/** What a closed file is compared by. */
type Compare = (listing: StoreListing, file: ClosedFile) => Promise<number>;

/**
 * Checks that what the last transformation wrote is still there: a server that was brought back to before it, and has no other events, differs in nothing else. A cursor has such versions listed
 * (cursorFor); where one is missing, and retention hasn't removed the segment, an older version of it is there.
 * @throws Diverged
 */
export async function requireStillTransformed(
  source: ServerSource,
  { context, store, closed }: StoreListing,
  { lastVersion, closed: recorded }: StoreState,
  signal?: AbortSignal,
): Promise<void> {
  if (lastVersion === 0) return;
  const written = recorded?.().findLast(({ name }) => isSegmentFile(name) && versionOf(name) === lastVersion);
  if (written === undefined) return;
  const segment = segmentOf(written.name);
  const isThere = (files: StoreListing["closed"]): boolean =>
    files.some(({ name }) => name.segment === segment && name.version >= lastVersion);
  if (isThere(closed)) return;
  const before = segment === 0 ? undefined : { lastClosedSegment: token(segment - 1), lastVersion };
  const all = (await source.list(context, store, before, signal)).closed;
  const older = all.findLast(({ name }) => name.segment === segment);
  if (older === undefined || isThere(all)) return;
  throw diverged(
    context,
    store,
    `${written.name}, which a transformation had written, isn't there, and ${older.name.name} is: the events are as they were before it`,
  );
}

/**
 * Compares the newest closed segment that no transformation has touched, where one has touched all that is compared otherwise.
 * @returns bytes compared; 0 when there is none
 * @throws Diverged
 */
export async function compareUntransformed(
  source: ServerSource,
  { context, store }: StoreListing,
  { closed: recorded }: StoreState,
  compare: Compare,
  signal?: AbortSignal,
): Promise<number> {
  const all = await source.list(context, store, undefined, signal);
  const listed = new Set(all.closed.map(({ name }) => longName(name.name)));
  const segments = (recorded?.() ?? []).filter(
    ({ name, problem }) => problem === undefined && isSegmentFile(name) && listed.has(longName(name)),
  );
  let newest: { readonly file: ClosedFile; readonly segment: Token } | undefined;
  for (const file of segments) {
    const segment = segmentOf(file.name);
    if (newest === undefined || segment > newest.segment) newest = { file, segment };
  }
  return newest === undefined ? 0 : compare(all, newest.file);
}
