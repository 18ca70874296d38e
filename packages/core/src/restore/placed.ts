import { lstat, readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.js";
import { errorCode, inside } from "./disk.js";

/**
 * A file or directory as a restore put it in place, precise enough to tell it from everything else: file systems use inode numbers again, and a server that was
 * started there changes a file's time of modification.
 */
export interface PlacedEntry {
  /** Relative to the target, with slashes; a directory comes before what is in it. */
  readonly path: string;
  readonly kind: "file" | "directory";
  /** In decimal. */
  readonly inode: string;
  /** In bytes; of a directory, 0. */
  readonly size: number;
  /** Of the last modification, in nanoseconds since 1970, in decimal; of a directory, "0". */
  readonly modified: string;
}

/** Everything below a directory. */
export async function listEntries(directory: string): Promise<PlacedEntry[]> {
  return walk(directory, "");
}

async function walk(directory: string, below: string): Promise<PlacedEntry[]> {
  const entries: PlacedEntry[] = [];
  for (const name of (await readdir(join(directory, below))).sort()) {
    const path = below === "" ? name : `${below}/${name}`;
    const entry = await readEntry(directory, path);
    if (entry === undefined) throw new EngineError("failed", gone(directory, path), MEDDLING);
    entries.push(entry);
    if (entry.kind === "directory") entries.push(...(await walk(directory, path)));
  }
  return entries;
}

/**
 * What of an entry of the target, and of everything in it, isn't as it was placed.
 * @param name of an entry of the target itself
 * @param mayLack whether some of it may be missing, because its removal had begun
 * @returns the first such path, relative to the target; undefined when all of it is as it was placed
 */
export async function findChange(
  directory: string,
  name: string,
  placed: readonly PlacedEntry[],
  mayLack: boolean,
): Promise<string | undefined> {
  const expected = new Map(
    placed
      .filter(({ path }) => path === name || path.startsWith(`${name}/`))
      .map((entry) => [entry.path, entry]),
  );
  const pending = [name];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const wanted = expected.get(path);
    const found = await readEntry(directory, path);
    if (wanted === undefined || found === undefined || !isSame(wanted, found)) return path;
    expected.delete(path);
    if (found.kind === "directory")
      for (const child of await readdir(join(directory, path))) pending.push(`${path}/${child}`);
  }
  return mayLack ? undefined : [...expected.keys()][0];
}

/**
 * Removes exactly what was placed: each file is looked at once more before it goes, and a directory goes only when it is empty. What is gone already, is gone.
 * @throws EngineError `usage` when there is anything else; it stays
 */
export async function removePlaced(directory: string, placed: readonly PlacedEntry[]): Promise<void> {
  for (const entry of placed.toReversed()) {
    const found = await readEntry(directory, entry.path);
    if (found === undefined) continue;
    if (!isSame(entry, found)) throw changed(directory, entry.path);
    try {
      await (entry.kind === "directory" ? rmdir : unlink)(join(directory, entry.path));
    } catch (error) {
      if (errorCode(error) === "ENOTEMPTY" || errorCode(error) === "EEXIST")
        throw changed(directory, entry.path);
      if (errorCode(error) !== "ENOENT") throw error;
    }
  }
}

/** Whether something that was read from a journal is an entry, and one inside of the target. */
export function isPlacedEntry(value: unknown): value is PlacedEntry {
  const entry = value as Partial<Record<keyof PlacedEntry, unknown>> | null;
  if (typeof entry?.path !== "string" || typeof entry.inode !== "string") return false;
  try {
    for (const part of entry.path.split("/")) inside("/", part);
  } catch {
    return false; // not a plain name: nothing outside of the target is ever removed
  }
  return (
    (entry.kind === "file" || entry.kind === "directory") &&
    typeof entry.size === "number" &&
    typeof entry.modified === "string"
  );
}

async function readEntry(directory: string, path: string): Promise<PlacedEntry | undefined> {
  try {
    const stats = await lstat(join(directory, path), { bigint: true });
    const inode = stats.ino.toString();
    if (stats.isDirectory()) return { path, kind: "directory", inode, size: 0, modified: "0" };
    if (stats.isFile())
      return { path, kind: "file", inode, size: Number(stats.size), modified: stats.mtimeNs.toString() };
    // A restore makes nothing else; such an inode is never the same.
    return { path, kind: "file", inode: "", size: 0, modified: "" };
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function isSame(one: PlacedEntry, other: PlacedEntry): boolean {
  return (
    one.kind === other.kind &&
    one.inode === other.inode &&
    one.size === other.size &&
    one.modified === other.modified
  );
}

const MEDDLING = "Something else works in the target directory. Find out what, and restore to another one.";

function gone(directory: string, path: string): string {
  return `${join(directory, path)} disappeared while the restore was running`;
}

function changed(directory: string, path: string): EngineError {
  return new EngineError(
    "usage",
    `${join(directory, path)} isn't as the restore placed it: it has changed since, or something is in it`,
    `${MEDDLING} What is there now was left alone.`,
  );
}
