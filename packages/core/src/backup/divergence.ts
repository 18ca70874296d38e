import {
  AxonServerError,
  type SegmentName,
  type SourceFile,
  type StoreCursor,
  type StoreListing,
} from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import type { OpenSegment } from "../repository/manifest.js";
import { longName } from "./long-name.js";
import type { CapturedOpen, StoreState } from "./model.js";

/**
 * The cursor for the server's listing. What the last transformation wrote is listed again each time: its versions appear one by one while it is applied, all with its number
 * (docs/axon-server.md, section 4), so that nobody can tell whether those that were backed up are all.
 */
export function cursorFor({
  listAfter,
  lastVersion,
}: Pick<StoreState, "listAfter" | "lastVersion">): StoreCursor | undefined {
  return listAfter === null
    ? undefined
    : { lastClosedSegment: listAfter, lastVersion: Math.max(0, lastVersion - 1) };
}

/**
 * Why the listing can't be of the history that was backed up, if the cursor tells; else undefined. A server that stands behind the cursor
 * was reset or restored: it never means "nothing new" (docs/axon-server.md, section 1).
 */
export function behindCursor(listing: StoreListing, previous: StoreState): string | undefined {
  const { lastClosedSegment } = previous;
  if (
    lastClosedSegment !== null &&
    (listing.lastClosedSegment === undefined || listing.lastClosedSegment < lastClosedSegment)
  )
    return `its last closed segment is ${listing.lastClosedSegment ?? "none at all"}, behind ${lastClosedSegment}, which was backed up as closed`;
  return undefined;
}

/**
 * Checks that a listing has the segment that it calls the last closed one, if that is new: one that leaves it out may leave out others as well, and what a cursor has
 * passed is never asked for again.
 * @throws AxonServerError `unexpected`
 */
export function requireLastClosed(
  { context, store, lastClosedSegment, closed }: StoreListing,
  previous: StoreState,
): void {
  if (lastClosedSegment === undefined || lastClosedSegment === previous.lastClosedSegment) return;
  if (closed.some(({ name }) => name.segment === lastClosedSegment)) return;
  throw new AxonServerError(
    "unexpected",
    `the server's listing of ${context} (${store}) is not complete: it says that segment ${lastClosedSegment} is closed, and doesn't have it`,
    "Nothing was stored. Try again; if it stays, look at the server's log and at its storage directory.",
  );
}

/**
 * Where the listing has a segment that was open at the last backup; `transformed` when only a newer version of it is left,
 * `gone` when there is none: then the history isn't the same.
 */
export function findPreviousOpen(
  listing: StoreListing,
  recorded: OpenSegment,
): SourceFile<SegmentName> | "transformed" | "gone" {
  const files = [...listing.open, ...listing.closed];
  const same = files.find(({ name }) => longName(name.name) === longName(recorded.name));
  if (same) return same;
  const segment = Number.parseInt(recorded.name, 10);
  return files.some(({ name }) => name.segment === segment && name.version > 0) ? "transformed" : "gone";
}

/**
 * Checks that the open segments follow each other without a gap: every one but the last is complete, and the next begins with its next token. Of one in an unknown
 * format, nobody can tell.
 * @throws EngineError `failed`
 */
export function checkContinuity(
  listing: StoreListing,
  open: readonly Pick<CapturedOpen, "file" | "state">[],
): void {
  for (const [index, { file, state }] of open.entries()) {
    const next = open[index + 1];
    if (next === undefined || state.unknownFormat !== undefined) continue;
    if (state.complete && state.nextToken === next.file.name.segment) continue;
    throw new EngineError(
      "failed",
      `${listing.context} (${listing.store}): ${file.name.name} ends ${state.complete ? "" : "unfinished "}before token ${state.nextToken}, but ${next.file.name.name} follows it`,
      "The server's own files have a gap, or the listing lacks a segment. Try again; if it stays, let Axon Server check its store.",
    );
  }
}
