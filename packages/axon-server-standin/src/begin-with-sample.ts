import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { copyStore, sampleStore } from "./sample.js";

/**
 * Sees to it that a storage directory has the sample: copies it into one that is empty or absent. One that has it already, from an earlier run that has appended to it
 * perhaps, stays as it is: a server that is started again goes on.
 * @throws Error if there is anything else: it is left alone
 */
export function beginWithSample(storage: string): void {
  if (namesIn(storage).length === 0) copyStore(sampleStore, storage);
  else if (!hasSample(storage))
    throw new Error(
      `--sample: ${storage} is not empty, and what it holds didn't begin as the sample. Name an empty directory, or leave --sample out to serve what is there`,
    );
}

function hasSample(storage: string): boolean {
  const context = join(sampleStore, "default");
  return readdirSync(context)
    .filter((name) => /\.(events|snapshots)$/.test(name))
    .every((name) => {
      const found = namesIn(join(storage, "default")).includes(name);
      return found && beginsWith(join(storage, "default", name), readFileSync(join(context, name)));
    });
}

/** Whether a segment has the content of another and is as long; the zeros behind it are room for more. */
function beginsWith(path: string, segment: Buffer): boolean {
  const end = segment.findLastIndex((byte) => byte !== 0) + 1;
  const bytes = readFileSync(path);
  return bytes.byteLength === segment.byteLength && bytes.subarray(0, end).equals(segment.subarray(0, end));
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
