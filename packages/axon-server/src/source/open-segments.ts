import { opendir } from "node:fs/promises";

import { AxonServerError } from "../errors.js";
import { compareStoreFiles, parseStoreFileName, storeFileIdentity } from "../files/store-file-name.js";
import type { SegmentName, StoreKind } from "../names.js";
import type { Token } from "../token.js";
import { confineDirectory } from "./confine.js";
import { isErrno } from "./errno.js";
import { fileError } from "./file-errors.js";
import type { SourceFile } from "./types.js";

/** Where and after what to look for open segments. */
export interface OpenSegmentSearch {
  readonly context: string;
  readonly store: StoreKind;
  /** Directories that must be there, as the server lists files in them. */
  readonly listed: readonly string[];
  /** Directories that may be there: the context's under each storage root. */
  readonly possible: readonly string[];
  readonly storageRoots: readonly string[];
  /** Only segments above this one. */
  readonly above: Token | undefined;
}

/**
 * Every segment file above `above` in the directories, ascending: for servers that list closed segments only. To be called after the listing was got: a segment
 * closed in between then counts as an open one, which it was; the other way round it would be lost.
 *
 * A directory that changes while it is read may show a new file and hide one that is a little older. So it is read twice: whatever the first reading shows
 * existed, with all before it, when the second began; the second is complete up to there.
 */
export async function findOpenSegments(
  search: OpenSegmentSearch,
  signal?: AbortSignal,
): Promise<readonly SourceFile<SegmentName>[]> {
  const directories = await realDirectories(search);
  const first = await scan(directories, search, signal);
  const newest = first.at(-1);
  if (newest === undefined) return [];
  const second = await scan(directories, search, signal);
  return second.filter((file) => file.name.segment <= newest.name.segment);
}

/** Real path → path to show; each real directory once. */
async function realDirectories(search: OpenSegmentSearch): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const listed = new Set(search.listed);
  for (const directory of new Set([...search.listed, ...search.possible])) {
    try {
      const real = await confineDirectory(directory, search.context, search.storageRoots);
      if (!found.has(real)) found.set(real, directory);
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ENOTDIR"))
        throw error instanceof AxonServerError ? error : await fileError(directory, error);
      if (listed.has(directory)) throw missing(directory, error);
    }
  }
  return found;
}

async function scan(
  directories: ReadonlyMap<string, string>,
  search: OpenSegmentSearch,
  signal: AbortSignal | undefined,
): Promise<readonly SourceFile<SegmentName>[]> {
  const files = new Map<string, SourceFile<SegmentName>>();
  for (const [real, shown] of directories) {
    try {
      for await (const entry of await opendir(real, { bufferSize: 1024 })) {
        signal?.throwIfAborted();
        const name = parseStoreFileName(entry.name, search.store);
        if (name?.kind !== "segment" || (search.above !== undefined && name.segment <= search.above))
          continue;
        const identity = storeFileIdentity(name);
        const path = `${shown}/${entry.name}`;
        const known = files.get(identity);
        if (known !== undefined) throw twice(known.path, path);
        files.set(identity, { name, path, context: search.context });
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof AxonServerError ? error : await fileError(shown, error);
    }
  }
  return [...files.values()].sort((a, b) => compareStoreFiles(a.name, b.name));
}

function missing(directory: string, cause: unknown): AxonServerError {
  return new AxonServerError(
    "configuration",
    `the server has files in ${directory}, which isn't on this machine`,
    "Map the server's directory to this machine's with server.paths, or check that it is mounted.",
    cause,
  );
}

function twice(a: string, b: string): AxonServerError {
  return new AxonServerError(
    "unexpected",
    `the same open segment is there twice: ${a} and ${b}`,
    "Remove the copy that the server doesn't use, or take its directory out of server.storage.",
  );
}
