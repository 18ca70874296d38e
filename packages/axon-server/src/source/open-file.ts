import { type BigIntStats, constants, readlinkSync } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";

import { AxonServerError } from "../errors.js";
import { baseName } from "../files/path.js";
import { isErrno } from "./errno.js";
import { FileSourceHandle } from "./file-handle.js";
import { fileError } from "./file-errors.js";
import type { SourceHandle } from "./types.js";

/**
 * Opens `path` for reading if it is a regular file and not a link, and really the one in the directory that `confine` allows. In between, anybody who may write to
 * the directories could change what the path means; so what counts is checked on the open file: device and inode are those seen before, and (on Linux) its path
 * is the confined directory's.
 * @param confine resolves with the real path of the file's directory; rejects if nothing may be read there
 * @throws AxonServerError `vanished`, `refused`, `unreadable`; what `confine` throws.
 */
export async function openConfined(path: string, confine: () => Promise<string>): Promise<SourceHandle> {
  try {
    // First of all: not even what kind of file it is gets asked for outside of the storage.
    const resolved = `${await confine()}/${baseName(path)}`;
    const seen = await lstat(resolved, { bigint: true });
    refuseUnlessRegular(path, seen);
    // O_NONBLOCK: a FIFO put in the file's place would otherwise hold us until somebody writes to it.
    const file = await open(resolved, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const opened = await file.stat({ bigint: true });
      refuseUnlessRegular(path, opened);
      if (opened.dev !== seen.dev || opened.ino !== seen.ino) throw swapped(path);
      refuseIfElsewhere(path, resolved, file);
      return new FileSourceHandle(path, file, Number(opened.size), opened);
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof AxonServerError) throw error;
    throw await fileError(path, error);
  }
}

function refuseUnlessRegular(path: string, stats: BigIntStats): void {
  if (stats.isFile()) return;
  const kind = stats.isSymbolicLink()
    ? "a symbolic link"
    : stats.isDirectory()
      ? "a directory"
      : stats.isFIFO()
        ? "a FIFO"
        : stats.isSocket()
          ? "a socket"
          : "a device";
  throw new AxonServerError(
    "refused",
    `${path} is ${kind}, not a regular file`,
    "Nothing was read. Axon Server makes regular files only: find out who put it there.",
  );
}

/** What the kernel says the open file's path is. Where there is no /proc, the checks before must do. */
function refuseIfElsewhere(path: string, expected: string, file: FileHandle): void {
  let actual: string;
  try {
    // At once: the kernel knows it, and asks no disk.
    actual = readlinkSync(`/proc/self/fd/${file.fd}`);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) return;
    throw error;
  }
  if (actual === expected) return;
  if (actual === `${expected} (deleted)`)
    throw new AxonServerError(
      "vanished",
      `${path} was removed just now`,
      "The server is asked again for its files.",
    );
  throw swapped(path);
}

function swapped(path: string): AxonServerError {
  return new AxonServerError(
    "refused",
    `${path} was replaced by another file while it was opened`,
    "Nothing was read. If the server moves files between storage tiers, the next run succeeds. If not, find out who writes to this directory.",
  );
}
