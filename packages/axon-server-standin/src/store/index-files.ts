import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

import { fileName, INDEX_EXTENSIONS, type SegmentId, type Store } from "../format/names.js";

/** Bytes of a real server's index file: a MapDB file, mostly zeros. */
export const INDEX_BYTES = 2 * 1024 * 1024;

export interface IndexFileOptions {
  /** Bytes of the index file, 64 or more; sparse. */
  readonly indexBytes: number;
  /** Whether the index is `.index.temp` while its segment waits to be handed over: seen with 4.6. */
  readonly temporaryName: boolean;
}

/** Begins the index of the segment that is handed over next: half of a file, under its temporary name. */
export function beginIndexFile(
  directory: string,
  store: Store,
  id: SegmentId,
  options: IndexFileOptions,
): void {
  const path = join(directory, `${fileName(id, INDEX_EXTENSIONS[store][0])}.temp`);
  const file = openSync(path, "w");
  try {
    ftruncateSync(file, Math.floor(options.indexBytes / 2));
  } finally {
    closeSync(file);
  }
}

/**
 * Writes the index and the bloom filter of a segment. They have the names, sizes and the look of real ones, and the same content for the same segment; but they are
 * placeholders: no real server could look anything up in them.
 */
export function writeIndexFiles(
  directory: string,
  store: Store,
  id: SegmentId,
  options: IndexFileOptions,
): void {
  const [index, bloom] = INDEX_EXTENSIONS[store];
  const seed = createHash("sha256").update(`${store} ${id.segment} ${id.version}`).digest();
  const path = join(directory, fileName(id, index));
  const first = options.temporaryName ? `${path}.temp` : path;
  const file = openSync(first, "w");
  try {
    ftruncateSync(file, options.indexBytes);
    writeSync(file, Buffer.concat([Buffer.from("J\u0003"), seed]), 0, 34, 0);
    // A real one has its values in the second half.
    writeSync(file, seed, 0, 32, Math.floor(options.indexBytes / 2));
  } finally {
    closeSync(file);
  }
  if (options.temporaryName) renameSync(first, path);
  // Guava's form: strategy, number of hashes, number of 64-bit words, the words.
  writeFileSync(join(directory, fileName(id, bloom)), Buffer.concat([Buffer.from([1, 5, 0, 0, 0, 4]), seed]));
}
