import { chmod, lstat } from "node:fs/promises";
import { inside } from "./disk.js";

/**
 * Makes sure that the owner may write to what stayed of an old store: a server can't append to what is kept for reading alone. What the owner may already, and everybody else's rights, stay.
 * @param files paths relative to the directory
 */
export async function makeWritable(
  directory: string,
  contexts: Iterable<string>,
  files: Iterable<string>,
): Promise<void> {
  for (const context of contexts) await allow(inside(directory, context), 0o700);
  for (const path of files) await allow(`${directory}/${path}`, 0o600);
}

/** Adds what the owner may do with a file or directory, if he may not yet. */
export async function allow(path: string, needed: number): Promise<void> {
  const mode = (await lstat(path)).mode & 0o7777;
  if ((mode & needed) !== needed) await chmod(path, mode | needed);
}
