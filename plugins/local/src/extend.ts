import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import {
  type CallOptions,
  type ObjectKey,
  SinkError,
  type Source,
  type StoredObject,
  checkKeep,
} from "@axon-backup/sink";
import { attempt, foreignError } from "./errors.js";
import { missing, rejectMissing } from "./missing.js";
import type { Settings } from "./options.js";
import { confirm } from "./put.js";
import type { Root } from "./root.js";
import { freeBytes, refuseUnlessFits } from "./space.js";
import { writeSource } from "./write.js";

// Without O_NONBLOCK, opening a FIFO in the object's place would wait for its other end.
const UPDATE = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Grows an object's file in place: cuts it to `keep` bytes and writes the source behind them. */
export async function extendFile(
  root: Root,
  settings: Settings,
  key: ObjectKey,
  keep: number,
  source: Source,
  { signal }: CallOptions = {},
): Promise<StoredObject> {
  signal?.throwIfAborted();
  checkKeep(keep);
  const { path, dir } = root.place(key);
  if (!(await root.has(dir))) throw missing(path);
  const file = await open(path, UPDATE).catch((error: unknown) => rejectMissing(root, error, "open", path));
  try {
    const before = await attempt("look at", path, file.stat());
    if (before.isDirectory()) throw missing(path);
    if (!before.isFile()) throw foreignError(path, "not a regular file");
    if (before.size < keep)
      throw new SinkError("range", `${path} has ${before.size} bytes, and ${keep} of them were to be kept`);
    refuseUnlessFits(
      root.path,
      settings.minFree,
      keep + source.size - before.size,
      await freeBytes(root.path, settings.minFree),
    );
    await attempt("cut", path, file.truncate(keep));
    try {
      await writeSource(file, path, keep, source, signal);
    } catch (error) {
      // Only tidy: nobody relies on what is behind `keep`, and the failure to report is the one that led here.
      await file.truncate(keep).catch(() => undefined);
      throw error;
    }
    const { size, modified } = await confirm(file, path, key, keep + source.size);
    const now = await attempt("look at", path, lstat(path));
    if (now.ino !== before.ino)
      throw new SinkError("transient", `${path} was replaced while it was being extended`);
    return { key, size, ...(modified && { modified }) };
  } finally {
    await file.close();
  }
}
