import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ObjectKey, SinkError } from "@axon-backup/sink";
import { attempt, errno, foreignError } from "./errors.js";

/** An object's place: its file and the file's directory, absolute. */
export interface Place {
  readonly path: string;
  readonly dir: string;
}

/**
 * The sink's directory and the directories below it. What is below may be written by others, so that nothing there is followed or
 * trusted: a path counts when it is its own real path.
 */
export class Root {
  /** Directories being made, by absolute path: whoever uses one meanwhile waits until it is durable. */
  readonly #making = new Map<string, Promise<void>>();

  /**
   * @param path real path of the sink's directory
   * @param inode of that directory when the sink was opened
   */
  constructor(
    readonly path: string,
    private readonly inode: bigint,
    private readonly dirMode: number,
  ) {}

  place(key: ObjectKey): Place {
    const path = join(this.path, key);
    return { path, dir: dirname(path) };
  }

  /**
   * Rejects with `transient` when the sink's directory isn't the one that was opened: unmounted, for instance. An empty mount point
   * must be taken neither for an empty sink nor for a place to write. Compares the inode alone: a device number may change with a new mount of the same.
   */
  async check(): Promise<void> {
    const now = await attempt("find", this.path, stat(this.path, { bigint: true })).catch(
      (error: unknown) => error,
    );
    // A file that takes the directory's place may well get its inode, too.
    if (
      !(now instanceof Error) &&
      (now as BigIntStats).isDirectory() &&
      (now as BigIntStats).ino === this.inode
    )
      return;
    throw new SinkError("transient", `${this.path} is no longer the directory that was opened`, {
      ...(now instanceof Error ? { cause: now } : {}),
      remedy: "See whether its file system is still mounted.",
    });
  }

  /** Whether `dir` exists. Rejects with `invalid` when a part of it is a symbolic link. */
  async has(dir: string): Promise<boolean> {
    try {
      const real = await realpath(dir);
      if (real === dir) return true;
      throw foreignError(dir, "reached through a symbolic link");
    } catch (error) {
      const code = errno(error);
      if (code !== "ENOENT" && code !== "ENOTDIR")
        return attempt("open", dir, Promise.reject(error as Error));
      await this.check();
      return false;
    }
  }

  /** Makes `dir` and its parents below the root where they are missing, durably. */
  async ensure(dir: string): Promise<void> {
    if (dir === this.path) return this.check();
    const making = this.#making.get(dir);
    if (making !== undefined) return making;
    if (!this.#isNear(dir) && (await this.has(dir))) return this.check();
    const made = this.#making.get(dir) ?? this.#make(dir);
    this.#making.set(dir, made);
    try {
      await made;
    } finally {
      if (this.#making.get(dir) === made) this.#making.delete(dir);
    }
  }

  /** Whether a parent of `dir` is just being made. */
  #isNear(dir: string): boolean {
    for (let at = dirname(dir); at.length > this.path.length; at = dirname(at))
      if (this.#making.has(at)) return true;
    return false;
  }

  async #make(dir: string): Promise<void> {
    const parent = dirname(dir);
    await this.ensure(parent);
    try {
      await mkdir(dir, this.dirMode);
    } catch (error) {
      if (errno(error) !== "EEXIST")
        return attempt("create the directory", dir, Promise.reject(error as Error));
      const found = await attempt("look at", dir, lstat(dir));
      if (!found.isDirectory())
        throw foreignError(dir, found.isSymbolicLink() ? "a symbolic link" : "a file in a directory's place");
      // Another process may be making it right now, and not have synced it yet.
      return syncDirectory(parent);
    }
    const handle = await openDirectory(dir);
    try {
      await applyMode(handle, dir, this.dirMode);
    } finally {
      await handle.close();
    }
    await syncDirectory(parent);
  }
}

export function openDirectory(dir: string): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  return attempt("open the directory", dir, open(dir, flags));
}

/** Makes what was last done to the names in `dir` durable. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await openDirectory(dir);
  try {
    await syncNames(handle, dir);
  } finally {
    await handle.close();
  }
}

/** As `syncDirectory`, with the directory opened before: then only the storage itself can still fail. */
export async function syncNames(handle: FileHandle, dir: string): Promise<void> {
  try {
    await handle.sync();
  } catch (error) {
    // Some network and FUSE file systems know no fsync of a directory: "as far as the storage can promise it".
    const code = errno(error);
    if (code !== "EINVAL" && code !== "ENOTSUP" && code !== "EOPNOTSUPP")
      return attempt("sync the directory", dir, Promise.reject(error as Error));
  }
}

/** Gives a new directory its mode, whatever the umask says. */
export async function applyMode(handle: FileHandle, path: string, mode: number): Promise<void> {
  const made = await attempt("look at", path, handle.stat());
  await setMode(handle, path, made.mode, mode);
}

/** Sets the mode of a new file or directory if it isn't the one that was `made`. Resolves with whether it had to. */
export async function setMode(
  handle: FileHandle,
  path: string,
  made: number,
  mode: number,
): Promise<boolean> {
  if ((made & 0o777) === mode) return false;
  try {
    await handle.chmod(mode);
  } catch (error) {
    // File systems without modes of their own (CIFS, exFAT) have those of their mount options.
    const code = errno(error);
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "EOPNOTSUPP" && code !== "ENOSYS")
      return attempt("set the mode of", path, Promise.reject(error as Error));
  }
  return true;
}
