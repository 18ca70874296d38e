import { dirname } from "node:path";
import {
  AxonServerError,
  HEADER_BYTES,
  parseStoreFileName,
  scanSegment,
  type SegmentName,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
  type StoreListing,
} from "@axon-backup/axon-server";
import type { ClosedFile, OpenSegment } from "../repository/manifest.js";
import { hashPrefix } from "../sinks/hashing.js";
import { withHandle } from "../with-handle.js";
import { behindCursor, findPreviousOpen, requireLastClosed } from "./divergence.js";
import { diverged } from "./diverged.js";
import { longName } from "./long-name.js";
import { compareUntransformed, requireStillTransformed } from "./transformed-history.js";
import type { StoreState } from "./model.js";

/** What a comparison found, if the history is the same. */
export interface Comparison {
  /** Bytes of transactions that were compared. */
  readonly compared: number;
  readonly warnings: readonly string[];
}

/**
 * Compares the segments that were open at the last backup with the server's files. An answer of the server's alone proves nothing: a listing that doesn't have what still stands on its
 * disk is an old one, or a server's that is just starting.
 * @throws Diverged when the history is another one; AxonServerError `unexpected` when the server contradicts itself, `vanished`
 */
export async function requireSameHistory(
  source: ServerSource,
  listing: StoreListing,
  previous: StoreState,
  signal?: AbortSignal,
): Promise<Comparison> {
  const { context, store } = listing;
  const behind = behindCursor(listing, previous);
  if (behind === undefined) requireLastClosed(listing, previous);
  const warnings: string[] = [];
  const transformed: string[] = [];
  let compared = 0;
  let gone = behind;
  for (const recorded of previous.open) {
    const file = findPreviousOpen(listing, recorded);
    if (file === "transformed") {
      transformed.push(recorded.name);
    } else if (file === "gone") {
      gone ??= `${recorded.name}, which was open, is neither open nor closed there`;
      const standing = await findUnlisted(source, listing, recorded, signal);
      if (standing !== undefined) throw contradiction(listing, `it doesn't list ${standing}, which is there`);
    } else {
      const isSame = await withHandle(source, file, (handle) => beginsWith(handle, recorded, signal));
      if (!isSame)
        throw diverged(
          context,
          store,
          `the first ${recorded.validBytes} bytes of ${recorded.name} are not those that were backed up`,
        );
      if (behind !== undefined)
        throw contradiction(listing, `${behind}, but ${file.path} goes on from what was backed up`);
      compared += Math.max(0, recorded.validBytes - HEADER_BYTES);
    }
  }
  if (gone !== undefined) throw diverged(context, store, gone);
  const compareFile = (where: StoreListing, file: ClosedFile): Promise<number> =>
    compareClosed(source, where, file, signal);
  if (previous.anchor) compared += await compareFile(listing, previous.anchor);
  await requireStillTransformed(source, listing, previous, signal);
  if (transformed.length > 0 && compared === 0)
    compared += await compareUntransformed(source, listing, previous, compareFile, signal);
  if (compared === 0)
    for (const name of transformed)
      warnings.push(`${context}/${store}: ${name} was transformed since, and can't be compared`);
  return { compared, warnings };
}

/**
 * Compares a closed segment that was backed up with the server's file, where the open ones tell too little.
 * @returns bytes compared; 0 when the server doesn't list it any more, or has it damaged
 * @throws Diverged
 */
async function compareClosed(
  source: ServerSource,
  { context, store, closed }: StoreListing,
  { name, size, sha256 }: ClosedFile,
  signal?: AbortSignal,
): Promise<number> {
  const file = closed.find((listed) => longName(listed.name.name) === longName(name));
  if (file === undefined) return 0;
  return withHandle(source, file, async (handle) => {
    if (handle.size === size && (await hashPrefix(handle, size, signal)) === sha256) return size;
    // Damage is no other history: that one reads well.
    const { state } = await scanSegment(handle, { segment: file.name.segment, ...(signal && { signal }) });
    if (state === "torn") return 0;
    throw diverged(context, store, `${name}, which was closed, is not the file that was backed up`);
  });
}

async function beginsWith(
  handle: SourceHandle,
  { validBytes, sha256 }: OpenSegment,
  signal?: AbortSignal,
): Promise<boolean> {
  return handle.size >= validBytes && (await hashPrefix(handle, validBytes, signal)) === sha256;
}

/** The path of a recorded segment that the listing doesn't have, though it stands beside the files that it has, with the bytes that were backed up. */
async function findUnlisted(
  source: ServerSource,
  { context, store, open, closed }: StoreListing,
  recorded: OpenSegment,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const directories = new Set([...open, ...closed].map(({ path }) => dirname(path)));
  for (const directory of directories)
    for (const spelling of new Set([recorded.name, longName(recorded.name)])) {
      const name = parseStoreFileName(spelling, store);
      if (name?.kind !== "segment") continue;
      const file: SourceFile<SegmentName> = { name, path: `${directory}/${spelling}`, context };
      try {
        if (await withHandle(source, file, (handle) => beginsWith(handle, recorded, signal)))
          return file.path;
      } catch (error) {
        if (!(error instanceof AxonServerError) || error.kind !== "vanished") throw error;
      }
    }
  return undefined;
}

function contradiction({ context, store }: StoreListing, what: string): AxonServerError {
  return new AxonServerError(
    "unexpected",
    `the server's listing of ${context} (${store}) can't be right: ${what}`,
    "Nothing was stored. The server may be starting, or something between it and this machine gives old answers: try again; if it stays, look at the server's log and at its storage directory.",
  );
}
