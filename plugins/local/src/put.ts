import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import {
  type CallOptions,
  type ObjectKey,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { attempt, errno, foreignError, sinkError } from "./errors.js";
import type { Settings } from "./options.js";
import { applyMode, openDirectory, type Root, syncNames } from "./root.js";
import { checkFree } from "./space.js";
import { newTempName } from "./temp-name.js";
import { writeSource } from "./write.js";

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** How the finished temporary file gets its name. */
export type Publish = (temp: string, path: string) => Promise<void>;

/**
 * Writes a temporary file beside the object's place, syncs it, lets `publish` give it its name, and syncs the directory. Before `publish`
 * nothing has happened to the object; after it only the storage itself can still fail.
 */
export async function putFile(
  root: Root,
  settings: Settings,
  publish: Publish,
  key: ObjectKey,
  source: Source,
  { signal }: CallOptions = {},
): Promise<StoredObject> {
  signal?.throwIfAborted();
  const { path, dir } = root.place(key);
  await root.ensure(dir);
  await refuseForeign(path);
  await checkFree(root.path, settings.minFree, source.size);
  const temp = join(dir, newTempName());
  const file = await attempt("create", temp, open(temp, CREATE, settings.fileMode));
  let stored: StoredObject;
  try {
    try {
      await applyMode(file, temp, settings.fileMode);
      await writeSource(file, temp, 0, source, signal);
      stored = await confirm(file, temp, key, source.size);
    } finally {
      await file.close();
    }
    const directory = await openDirectory(dir);
    try {
      signal?.throwIfAborted();
      await publish(temp, path);
      await syncNames(directory, dir);
    } finally {
      await directory.close();
    }
  } catch (error) {
    await dropTemp(temp);
    throw error;
  }
  return stored;
}

/** Replaces whatever object is there. */
export async function publishByRename(temp: string, path: string): Promise<void> {
  try {
    await rename(temp, path);
  } catch (error) {
    if (errno(error) !== "EISDIR") throw sinkError(error, "rename the finished file to", path);
    await removeEmptyTree(path);
    await attempt("rename the finished file to", path, rename(temp, path));
  }
}

/** Gives the name only if it is free: link(2) decides that in one step. */
export async function publishByLink(temp: string, path: string): Promise<void> {
  const failed = await tryLink(temp, path);
  if (failed !== undefined) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory() !== true)
      throw new SinkError("conflict", `${path} exists already`, { cause: failed });
    await removeEmptyTree(path);
    const again = await tryLink(temp, path);
    if (again !== undefined) throw new SinkError("conflict", `${path} exists already`, { cause: again });
  }
  await attempt("remove", temp, unlink(temp));
}

async function tryLink(temp: string, path: string): Promise<unknown> {
  try {
    await link(temp, path);
    return undefined;
  } catch (error) {
    if (errno(error) === "EEXIST") return error;
    throw sinkError(error, "link the finished file to", path);
  }
}

/** What the storage says about the file that was written. */
export async function confirm(
  file: FileHandle,
  path: string,
  key: ObjectKey,
  size: number,
): Promise<StoredObject> {
  const stat = await attempt("look at", path, file.stat());
  if (stat.size !== size)
    throw new SinkError("transient", `${path} has ${stat.size} bytes after ${size} were written`, {
      remedy: "See whether something else writes into the sink's directory, and check the file system.",
    });
  return { key, size: stat.size, modified: stat.mtime };
}

/** Refuses a symbolic link, device or the like in an object's place. */
async function refuseForeign(path: string): Promise<void> {
  try {
    const stat = await lstat(path);
    // A directory may be what deleted objects left; publishing finds out.
    if (stat.isFile() || stat.isDirectory()) return;
    throw foreignError(path, stat.isSymbolicLink() ? "a symbolic link" : "not a regular file");
  } catch (error) {
    if (errno(error) !== "ENOENT") throw sinkError(error, "look at", path);
  }
}

/** Directories stay when their last object is deleted; they mustn't stand in the way of an object of the same name. */
async function removeEmptyTree(path: string): Promise<void> {
  for (const entry of await attempt("read the directory", path, readdir(path, { withFileTypes: true })))
    if (entry.isDirectory()) await removeEmptyTree(join(path, entry.name));
  await attempt("put an object in the place of the directory", path, rmdir(path));
}

async function dropTemp(temp: string): Promise<void> {
  try {
    await unlink(temp);
  } catch {
    // The failure that led here is the one to report. What stays is a leftover, invisible, and removed as such once this process is gone.
  }
}
