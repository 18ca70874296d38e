import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** A file that is none to read a setting from. The message reads on after the file's name: "is a FIFO; …". */
export class UnsuitableFile extends Error {
  override readonly name = "UnsuitableFile";
}

export interface SmallFile {
  readonly bytes: Buffer;
  /** Its permissions. */
  readonly mode: number;
}

/**
 * Reads a file of the operator's, whole. Never waits for a FIFO's other end: opening one occupies a thread that no signal frees, and the process would not end.
 * @param maxBytes more is a wrong file: a device, a log
 * @throws UnsuitableFile when it isn't a regular file, or too large; the system's error when it can't be read; the signal's reason
 */
export async function readSmallFile(
  path: string,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<SmallFile> {
  signal?.throwIfAborted();
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = await file.stat();
  if (!stats.isFile()) {
    const kind = stats.isDirectory() ? "a directory" : stats.isFIFO() ? "a FIFO" : "a device or a socket";
    throw new UnsuitableFile(`is ${kind}; a regular file is needed`);
  }
  if (stats.size > maxBytes)
    throw new UnsuitableFile(`has ${stats.size} bytes; more than ${maxBytes} can't be right`);
  return { bytes: await file.readFile(signal ? { signal } : {}), mode: stats.mode };
}
