import { newTempName, SinkError } from "@axon-backup/sink";
import { status, STATUS } from "./errors.js";
import type { Files } from "./files.js";
import { remove } from "./put.js";

/**
 * Tries what the contract needs, in the sink's directory: better now than in mid-run. Leaves nothing. Rejects with `denied` when files can't be created
 * there, and `invalid` when the server can't replace a file in one step or its file system doesn't tell upper from lower case.
 */
export async function probe(files: Files, dir: string): Promise<{ readonly links: boolean }> {
  if (!files.abilities.posixRename)
    throw new SinkError(
      "invalid",
      "the server doesn't offer posix-rename@openssh.com: it can't replace a file in one step, and a crash in between would lose an object",
      { remedy: "Use OpenSSH's sftp-server or internal-sftp, or another server that has this extension." },
    );
  const name = newTempName();
  const path = `${dir}/${name}`;
  await files.close(await files.open(path, "wx", 0o600));
  try {
    if (await isThere(files, `${dir}/${name.toUpperCase()}`))
      throw new SinkError(
        "invalid",
        `the server's file system of ${dir} doesn't tell upper from lower case`,
        { remedy: "Use a file system that does." },
      );
    return { links: files.abilities.hardlink && (await hasLinks(files, path, `${dir}/${newTempName()}`)) };
  } finally {
    await remove(files, path);
  }
}

async function isThere(files: Files, path: string): Promise<boolean> {
  try {
    await files.lstat(path);
    return true;
  } catch (error) {
    if (status(error) === STATUS.noSuchFile) return false;
    throw error;
  }
}

/** File systems without hard links say so in several ways; a lost connection is none of them. */
async function hasLinks(files: Files, path: string, second: string): Promise<boolean> {
  try {
    await files.link(path, second);
  } catch (error) {
    if (status(error) === undefined) throw error;
    // Whoever has the repository for himself may have removed it.
    if (status(error) === STATUS.noSuchFile)
      throw new SinkError("transient", `${path} was removed by somebody else`, { cause: error });
    return false;
  }
  await remove(files, second);
  return true;
}
