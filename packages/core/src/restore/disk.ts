import { type FileHandle, open, rename, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError } from "../errors.js";

/** The code of a system call's error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "Make room there, or restore to another disk, and run it again.",
  EDQUOT: "The user's disk quota is used up. Make room or raise it, and run it again.",
  EFBIG:
    "The file system or a limit of the process (ulimit -f) doesn't allow files as large as the segments. Use another disk or raise the limit.",
  EACCES: "Let the user that runs axon-backup write there.",
  EPERM: "Let the user that runs axon-backup write there.",
  EROFS: "The file system is mounted read-only. Choose another directory, or mount it for writing.",
  EIO: "The disk has a fault. Check the kernel's log, and restore to another one.",
  EMFILE: "Too many files are open. Raise the limit (ulimit -n), or lower the concurrency.",
};

/**
 * Runs file operations, and says of a failure what was being done and what helps.
 * @throws EngineError `failed` in place of a system call's error; other errors as they are
 */
export async function onDisk<T>(doing: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const code = errorCode(error);
    if (
      error instanceof EngineError ||
      code === undefined ||
      !(error instanceof Error) ||
      !("syscall" in error)
    )
      throw error;
    throw new EngineError(
      "failed",
      `${doing}: ${error.message}`,
      REMEDIES[code] ?? "Check the disk and the directory, and run it again.",
      error,
    );
  }
}

/** Writes all of `bytes` at the file's position: one call may take fewer. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.byteLength;)
    written += (await file.write(bytes, written, bytes.byteLength - written)).bytesWritten;
}

/** Makes a directory's entries durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Creates or replaces a small file: it has the old content or the new, whenever the machine stops. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Checks that `bytes` more bytes fit on the disk of `directory`. @throws EngineError `failed` */
export async function checkFreeSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bfree, bsize } = await onDisk(`asking how much is free in ${directory}`, () =>
    statfs(directory),
  );
  const free = (process.getuid?.() === 0 ? bfree : bavail) * bsize;
  if (free >= bytes) return;
  throw new EngineError(
    "failed",
    `${directory} has ${free} bytes free, and the restore needs ${bytes}`,
    "Make room there, or restore to another disk.",
  );
}

/** `name` inside of `directory`, which must be a plain name. */
export function inside(directory: string, name: string): string {
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name))
    throw new RangeError(`not a plain name: ${JSON.stringify(name)}`);
  return join(directory, name);
}
