import { statfs } from "node:fs/promises";
import { SinkError } from "@axon-backup/sink";
import { attempt } from "./errors.js";

/** Bytes that can still be stored below `path`, after `minFree` are left alone; undefined where the file system doesn't tell. */
export async function freeBytes(path: string, minFree: number): Promise<number | undefined> {
  const { bsize, blocks, bavail } = await attempt("ask for the free space of", path, statfs(path));
  return blocks === 0 ? undefined : Math.max(0, bsize * bavail - minFree);
}

/**
 * Rejects with `full` when `size` more bytes don't fit: before they are written rather than in the middle. What would become a hole is counted, too.
 */
export async function checkFree(path: string, minFree: number, size: number): Promise<void> {
  if (size === 0) return;
  const free = await freeBytes(path, minFree);
  if (free === undefined || size <= free) return;
  const kept = minFree === 0 ? "" : ` (beside the ${minFree} of min_free)`;
  throw new SinkError(
    "full",
    `${size} bytes don't fit on the file system of ${path}: ${free} are free${kept}`,
    { remedy: "Free space on this file system, or let retention remove restore points." },
  );
}
