import { statfs } from "node:fs/promises";
import { SinkError } from "@axon-backup/sink";
import { attempt } from "./errors.js";

/** Bytes that can still be stored below `path`, after `minFree` are left alone; undefined where the file system doesn't tell. */
export async function freeBytes(path: string, minFree: number): Promise<number | undefined> {
  const { bsize, blocks, bavail } = await attempt("ask for the free space of", path, statfs(path));
  return blocks === 0 ? undefined : Math.max(0, bsize * bavail - minFree);
}

/**
 * Throws `full` when `size` more bytes don't fit in `free`: before they are written rather than in the middle. What would become a hole is counted, too.
 */
export function refuseUnlessFits(
  path: string,
  minFree: number,
  size: number,
  free: number | undefined,
): void {
  if (free === undefined || size <= free) return;
  const kept = minFree === 0 ? "" : ` (beside the ${minFree} of min_free)`;
  throw new SinkError(
    "full",
    `${size} bytes don't fit on the file system of ${path}: ${free} are free${kept}`,
    { remedy: "Free space on this file system or move the sink to a larger storage." },
  );
}
