import type { Dir } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { type CallOptions, isObjectKey, type ObjectKey, type StoredObject } from "@axon-backup/sink";
import { attempt, errno, sinkError } from "./errors.js";
import type { Root } from "./root.js";

/** Files looked at together: enough to keep Node's threads and a network file system busy. */
const BATCH = 64;
/** Names that are read from a directory at once. */
const DIR_BUFFER = 256;

interface OpenDir {
  readonly dir: Dir;
  /** What the keys of its files begin with: "" or ending in "/". */
  readonly prefix: string;
}

/**
 * Every object whose key begins with `prefix`: walks the tree from the prefix's deepest directory on. Holds one open directory a level and
 * one batch of names, whatever the number of objects. Skips what isn't a regular file with a name of the grammar.
 */
export async function* listFiles(
  root: Root,
  prefix: string,
  { signal }: CallOptions = {},
): AsyncGenerator<StoredObject, void, void> {
  signal?.throwIfAborted();
  await root.check();
  const start = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  // Nothing begins with what isn't the beginning of a key ("../", "//"): and nothing of it may reach the file system.
  if (start !== "" && !isObjectKey(start.slice(0, -1))) return;
  const top = join(root.path, start.slice(0, -1));
  if (!(await root.has(top))) return;
  const stack: OpenDir[] = [];
  try {
    await push(stack, top, start);
    let batch: string[] = [];
    for (let open = stack.at(-1); open !== undefined; open = stack.at(-1)) {
      signal?.throwIfAborted();
      const entry = await attempt("read the directory", open.dir.path, open.dir.read());
      if (entry === null) {
        stack.pop();
        await open.dir.close();
        continue;
      }
      const key = open.prefix + entry.name;
      if (!isObjectKey(key)) continue;
      if (entry.isDirectory() && (key.startsWith(prefix) || prefix.startsWith(`${key}/`)))
        await push(stack, join(root.path, key), `${key}/`);
      if (!entry.isFile() || !key.startsWith(prefix)) continue;
      batch.push(key);
      if (batch.length < BATCH) continue;
      for (const object of await look(root, batch)) yield object;
      batch = [];
    }
    signal?.throwIfAborted();
    for (const object of await look(root, batch)) yield object;
  } finally {
    for (const { dir } of stack) await dir.close();
  }
}

async function push(stack: OpenDir[], path: string, prefix: string): Promise<void> {
  try {
    stack.push({ dir: await opendir(path, { bufferSize: DIR_BUFFER }), prefix });
  } catch (error) {
    // Removed, or replaced by an object, since its name was read: then it holds none.
    if (errno(error) !== "ENOENT" && errno(error) !== "ENOTDIR")
      throw sinkError(error, "open the directory", path);
  }
}

async function look(root: Root, keys: readonly string[]): Promise<readonly StoredObject[]> {
  const found = await Promise.all(keys.map((key) => statFile(join(root.path, key), key as ObjectKey)));
  return found.filter((object) => object !== undefined);
}

async function statFile(path: string, key: ObjectKey): Promise<StoredObject | undefined> {
  try {
    const stat = await lstat(path);
    return stat.isFile() ? { key, size: stat.size, modified: stat.mtime } : undefined;
  } catch (error) {
    const code = errno(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw sinkError(error, "look at", path);
  }
}
