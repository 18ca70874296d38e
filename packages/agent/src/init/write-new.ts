import { randomBytes } from "node:crypto";
import { chown, link, lstat, mkdir, open, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** The agent's user reads them by its group. No file holds a secret, but a file of the operator's may get one some day. */
const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;

/** Makes a folder, and those above it that are missing. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: FOLDER_MODE });
}

/** Whether there is something under this name, be it a link that leads nowhere. @throws the system's error when that can't be told */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/**
 * Writes a file that isn't there yet, as a whole or not at all. It gets the group of its folder.
 * @returns false when there is one: it stays as it is
 * @throws the system's error
 */
export async function writeNew(path: string, text: string): Promise<boolean> {
  if (await exists(path)) return false;
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(4).toString("hex")}`);
  const file = await open(temporary, "wx", FILE_MODE);
  try {
    try {
      await file.writeFile(text);
      await file.chmod(FILE_MODE);
      await file.sync();
    } finally {
      await file.close();
    }
    await giveToGroup(temporary, folder);
    return await moveTo(temporary, path);
  } finally {
    await unlink(temporary).catch((error: unknown) => {
      if (!isErrno(error, "ENOENT")) throw error;
    });
    await syncFolder(folder);
  }
}

/** Gives the temporary file its name, unless somebody else has it by now. */
async function moveTo(temporary: string, path: string): Promise<boolean> {
  try {
    // A rename would replace what is there.
    await link(temporary, path);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    if (!isErrno(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS")) throw error;
    // A file system without links.
    if (await exists(path)) return false;
    await rename(temporary, path);
    return true;
  }
}

/** Only root may, and needs to: others write with a group of theirs. */
async function giveToGroup(path: string, folder: string): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  const { gid } = await stat(folder);
  await chown(path, 0, gid);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
