import { SinkError } from "@axon-backup/sink";
import type { Stats } from "ssh2";
import { status, STATUS } from "./errors.js";
import type { Files } from "./files.js";
import { remove } from "./put.js";
import type { Place, Root } from "./root.js";

/** How the finished temporary file gets its name. */
export type Publish = (root: Root, files: Files, temp: string, place: Place) => Promise<void>;

/** Replaces whatever object is there. */
export const publishByRename: Publish = async (root, files, temp, { path }) => {
  try {
    await files.rename(temp, path);
  } catch (error) {
    if (!(await clearsTheWay(root, files, error, path))) throw unpublished(error, path);
    await files.rename(temp, path);
  }
};

/** Gives the name only if it is free: link(2) on the server decides that in one step. */
export const publishByLink: Publish = async (root, files, temp, { path }) => {
  try {
    await files.link(temp, path);
  } catch (error) {
    if (!(await clearsTheWay(root, files, error, path))) {
      const found = await look(files, path);
      throw found === undefined
        ? unpublished(error, path)
        : new SinkError("conflict", `${path} exists already on the server`, { cause: error });
    }
    await files.link(temp, path);
  }
  await remove(files, temp);
};

/** A finished file that is gone was taken away: by somebody who has the repository for himself. */
function unpublished(error: unknown, path: string): unknown {
  if (status(error) !== STATUS.noSuchFile) return error;
  return new SinkError(
    "transient",
    `can't give the finished file the name ${path} on the server: it is gone, somebody has removed it`,
    { cause: error },
  );
}

/** Directories stay when their last object is deleted; they mustn't stand in the way of an object of the same name. */
async function clearsTheWay(root: Root, files: Files, error: unknown, path: string): Promise<boolean> {
  if (status(error) !== STATUS.failure || (await look(files, path))?.isDirectory() !== true) return false;
  root.forget(path);
  await removeEmptyTree(files, path);
  return true;
}

async function look(files: Files, path: string): Promise<Stats | undefined> {
  try {
    return await files.lstat(path);
  } catch (error) {
    if (status(error) === STATUS.noSuchFile) return undefined;
    throw error;
  }
}

async function removeEmptyTree(files: Files, path: string): Promise<void> {
  const dir = await files.opendir(path);
  try {
    for (let names = await files.readdir(dir); names !== undefined; names = await files.readdir(dir))
      for (const { filename, attrs } of names)
        if (filename !== "." && filename !== ".." && attrs.isDirectory())
          await removeEmptyTree(files, `${path}/${filename}`);
  } finally {
    await files.close(dir);
  }
  await files.rmdir(path);
}
