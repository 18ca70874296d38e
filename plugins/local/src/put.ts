import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import {
  type CallOptions,
  newTempName,
  type ObjectKey,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { attempt, errno, foreignError, sinkError } from "./errors.js";
import type { Settings } from "./options.js";
import { DirectorySync } from "./directory-sync.js";
import { openDirectory, type Root, setMode } from "./root.js";
import { Shared } from "./shared.js";
import { freeBytes, refuseUnlessFits } from "./space.js";
import { writeSource } from "./write.js";

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** How the finished temporary file gets its name. */
export type Publish = (temp: string, path: string) => Promise<void>;

/** For how long, in milliseconds, puts to one directory rely on what another one that still runs has found out about it. */
const SHARED_MS = 100;

/** What the puts of one sink work with. Those that run at the same time share what they have to find out, open and sync. */
export interface PutTools {
  readonly root: Root;
  readonly settings: Settings;
  /** Paths of the temporary files that puts of this sink work on. */
  readonly own: Set<string>;
  /** By directory: makes sure that it is there and the sink's. Gives the bytes that are free, if the file system tells. */
  readonly arrivals: Shared<number | undefined>;
  /** By directory: open, to be synced. */
  readonly syncs: Shared<DirectorySync>;
}

export function putTools(root: Root, settings: Settings): PutTools {
  const arrive = async (dir: string): Promise<number | undefined> => {
    await root.ensure(dir);
    return freeBytes(root.path, settings.minFree);
  };
  return {
    root,
    settings,
    own: new Set(),
    arrivals: new Shared(arrive, () => Promise.resolve(), SHARED_MS),
    syncs: new Shared(
      async (dir) => new DirectorySync(await openDirectory(dir), dir),
      ({ handle }) => handle.close(),
      SHARED_MS,
    ),
  };
}

/**
 * Writes a temporary file beside the object's place, syncs it, lets `publish` give it its name, and syncs the directory. Before `publish`
 * nothing has happened to the object; after it only the storage itself can still fail.
 */
export async function putFile(
  tools: PutTools,
  publish: Publish,
  key: ObjectKey,
  source: Source,
  { signal }: CallOptions = {},
): Promise<StoredObject> {
  signal?.throwIfAborted();
  const { path, dir } = tools.root.place(key);
  return tools.arrivals.use(dir, async (free) => {
    refuseUnlessFits(tools.root.path, tools.settings.minFree, source.size, free);
    await refuseForeign(path);
    const temp = join(dir, newTempName());
    tools.own.add(temp);
    try {
      const stored = await writeTemp(temp, tools.settings.fileMode, key, source, signal);
      // The directory is opened before: then only the storage itself can still fail.
      await tools.syncs.use(dir, async (directory) => {
        signal?.throwIfAborted();
        await publish(temp, path);
        await directory.sync();
      });
      return stored;
    } catch (error) {
      await dropTemp(temp);
      throw error;
    } finally {
      tools.own.delete(temp);
    }
  });
}

/** Resolves when the bytes are durable, under their temporary name. */
async function writeTemp(
  temp: string,
  mode: number,
  key: ObjectKey,
  source: Source,
  signal: AbortSignal | undefined,
): Promise<StoredObject> {
  const file = await attempt("create", temp, open(temp, CREATE, mode));
  try {
    await writeSource(file, temp, 0, source, signal);
    const { mode: made, ...stored } = await confirm(file, temp, key, source.size);
    // Seldom: a umask or an ACL of the directory has taken something away.
    if (await setMode(file, temp, made, mode)) await attempt("sync", temp, file.sync());
    return stored;
  } finally {
    await file.close();
  }
}

/** Replaces whatever object is there. */
export async function publishByRename(temp: string, path: string): Promise<void> {
  try {
    await rename(temp, path);
  } catch (error) {
    if (errno(error) !== "EISDIR") throw unpublished(error, "rename the finished file to", path);
    await removeEmptyTree(path);
    await rename(temp, path).catch((failure: unknown) => {
      throw unpublished(failure, "rename the finished file to", path);
    });
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
    throw unpublished(error, "link the finished file to", path);
  }
}

/** A finished file that is gone was taken away: by somebody who has the repository for himself. */
function unpublished(error: unknown, action: string, path: string): unknown {
  if (errno(error) !== "ENOENT") return sinkError(error, action, path);
  return new SinkError("transient", `can't ${action} ${path}: it is gone, somebody has removed it`, {
    cause: error,
  });
}

/** What the storage says about the file that was written, and its mode. */
export async function confirm(
  file: FileHandle,
  path: string,
  key: ObjectKey,
  size: number,
): Promise<StoredObject & { readonly mode: number }> {
  const stat = await attempt("look at", path, file.stat());
  if (stat.size !== size)
    throw new SinkError("transient", `${path} has ${stat.size} bytes after ${size} were written`, {
      remedy: "See whether something else writes into the sink's directory, and check the file system.",
    });
  return { key, size: stat.size, modified: stat.mtime, mode: stat.mode };
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
