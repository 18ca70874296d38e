import { lstat, open, opendir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import {
  ELSEWHERE_MS,
  isObjectKey,
  type LeftoverOptions,
  newTempName,
  parseTempName,
  writerState,
} from "@axon-backup/sink";
import { attempt, errno, sinkError } from "./errors.js";
import type { Root } from "./root.js";

/** What file systems make by themselves. */
const OF_FILE_SYSTEM = "lost+found";

/**
 * Removes the temporary files of writers that are dead, in the whole sink, and directories that have been empty for long: a writer that was killed may have made them for
 * an object that never came. Resolves with their number.
 * @param own the temporary files that this sink works on
 */
export async function removeLeftoverFiles(
  root: Root,
  own: ReadonlySet<string>,
  { signal, others }: LeftoverOptions = {},
): Promise<number> {
  await root.check();
  let removed = 0;
  let clock: Promise<number> | undefined;
  const storageTime = (): Promise<number> => (clock ??= storageClock(root.path));
  /** Resolves with whether nothing is left in it. */
  const walk = async (path: string, prefix: string): Promise<boolean> => {
    let isEmpty = true;
    const isAlone = others?.(prefix) === true;
    const dir = await attempt("open the directory", path, opendir(path));
    for await (const entry of dir) {
      signal?.throwIfAborted();
      const at = join(path, entry.name);
      let isGone = false;
      if (entry.isDirectory() && isObjectKey(prefix + entry.name)) {
        // Asked before: what is removed in it counts as a change.
        const touched = await lastChange(at);
        isGone =
          (await walk(at, `${prefix}${entry.name}/`)) &&
          entry.name !== OF_FILE_SYSTEM &&
          touched !== undefined &&
          (await storageTime()) - touched > ELSEWHERE_MS &&
          (await dropEmpty(at));
      } else if (entry.isFile() && !own.has(at))
        isGone = (await isLeftover(at, entry.name, isAlone, storageTime)) && (await drop(at));
      if (isGone) removed++;
      else isEmpty = false;
    }
    return isEmpty;
  };
  await walk(root.path, "");
  return removed;
}

async function isLeftover(
  path: string,
  name: string,
  isAlone: boolean,
  storageTime: () => Promise<number>,
): Promise<boolean> {
  const writer = parseTempName(name);
  if (writer === undefined || isAlone) return writer !== undefined;
  const state = writerState(writer);
  if (state !== "elsewhere") return state === "dead";
  const now = await storageTime();
  const touched = await lastChange(path);
  return touched !== undefined && now - touched > ELSEWHERE_MS;
}

/** In milliseconds since 1970, by the storage's clock; undefined when there is nothing any more. */
async function lastChange(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).mtimeMs;
  } catch (error) {
    if (errno(error) === "ENOENT") return undefined;
    throw sinkError(error, "look at", path);
  }
}

/** Removes a directory in which there is nothing. One that can't be removed harms nobody. */
async function dropEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return false;
  }
}

async function drop(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (errno(error) === "ENOENT") return false;
    throw sinkError(error, "remove", path);
  }
}

/** The time by the clock that files are stamped with: on a network file system it may be another machine's. */
async function storageClock(dir: string): Promise<number> {
  const path = join(dir, newTempName());
  const file = await attempt("create", path, open(path, "wx", 0o600));
  try {
    return (await attempt("look at", path, file.stat())).mtimeMs;
  } finally {
    await file.close();
    await drop(path);
  }
}
