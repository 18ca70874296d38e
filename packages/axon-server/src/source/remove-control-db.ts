import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { lstat, open, readlink, unlink } from "node:fs/promises";

import { AxonServerError } from "../errors.js";
import { directoryName } from "../files/path.js";
import { confineControlDb } from "./confine.js";
import { fileError } from "./file-errors.js";
import type { ControlDbFile } from "./types.js";

/** Which file it was: another one under its name is not removed. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** What stands at a path now, by device and inode; undefined when it can't be seen. */
export async function identifyFile(path: string): Promise<FileIdentity | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch {
    // Whoever opens it says what is wrong.
    return undefined;
  }
}

/**
 * Removes a control DB backup: that very file, a regular one, in a directory that really lies in one of `roots`.
 * @param made the file as it was when the server had made it
 * @throws AxonServerError `refused`, `vanished`, `unreadable`, `configuration`
 */
export async function removeControlDbFile(
  { name, path }: ControlDbFile,
  made: FileIdentity | undefined,
  roots: readonly string[],
): Promise<void> {
  if (roots.length === 0)
    throw refused(path, "server.control_db doesn't say which directory these backups are in");
  if (made === undefined) throw refused(path, "it isn't one that was asked for just now");
  try {
    const real = await confineControlDb(directoryName(path), roots);
    const directory = await open(real, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      // By the open directory: what its path means can be changed by others in between.
      const here = `/proc/self/fd/${directory.fd}`;
      if ((await readlink(here)) !== real) throw refused(path, "its directory was replaced");
      const found = await lstat(`${here}/${name}`, { bigint: true });
      if (!isSame(found, made)) throw refused(path, "it is another file than the server made");
      await unlink(`${here}/${name}`);
    } finally {
      await directory.close();
    }
  } catch (error) {
    if (error instanceof AxonServerError) throw error;
    throw await notRemoved(path, error);
  }
}

function isSame(found: BigIntStats, made: FileIdentity): boolean {
  return found.isFile() && found.dev === made.dev && found.ino === made.ino;
}

function refused(path: string, reason: string): AxonServerError {
  return new AxonServerError(
    "refused",
    `${path} was not removed: ${reason}`,
    "Nothing was removed. Set server.control_db to the directory of the server's control DB backups.",
  );
}

async function notRemoved(path: string, error: unknown): Promise<AxonServerError> {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") return fileError(path, error);
  return new AxonServerError(
    "unreadable",
    `${path} can't be removed (${code})`,
    `The agent's user needs the right to write to ${directoryName(path)}, and a mount that isn't read-only. Or set server.remove_control_db_zips to false, and clean up there by other means.`,
    error,
  );
}
