import { lstat, open, opendir, unlink } from "node:fs/promises";
import { join } from "node:path";
import {
  type CallOptions,
  ELSEWHERE_MS,
  isObjectKey,
  newTempName,
  parseTempName,
  writerState,
} from "@axon-backup/sink";
import { attempt, errno, sinkError } from "./errors.js";
import type { Root } from "./root.js";

/** Removes the temporary files of writers that are dead, in the whole sink. Resolves with their number. */
export async function removeLeftoverFiles(root: Root, { signal }: CallOptions = {}): Promise<number> {
  await root.check();
  let removed = 0;
  let clock: Promise<number> | undefined;
  const storageTime = (): Promise<number> => (clock ??= storageClock(root.path));
  const walk = async (path: string, prefix: string): Promise<void> => {
    const dir = await attempt("open the directory", path, opendir(path));
    for await (const entry of dir) {
      signal?.throwIfAborted();
      const at = join(path, entry.name);
      if (entry.isDirectory() && isObjectKey(prefix + entry.name)) await walk(at, `${prefix}${entry.name}/`);
      if (entry.isFile() && (await isLeftover(at, entry.name, storageTime)) && (await drop(at))) removed++;
    }
  };
  await walk(root.path, "");
  return removed;
}

async function isLeftover(path: string, name: string, storageTime: () => Promise<number>): Promise<boolean> {
  const writer = parseTempName(name);
  if (writer === undefined) return false;
  const state = writerState(writer);
  if (state !== "elsewhere") return state === "dead";
  const now = await storageTime();
  try {
    return now - (await lstat(path)).mtimeMs > ELSEWHERE_MS;
  } catch (error) {
    if (errno(error) === "ENOENT") return false;
    throw sinkError(error, "look at", path);
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
