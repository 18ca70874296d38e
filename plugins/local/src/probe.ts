import { access, link, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { newTempName, SinkError } from "@axon-backup/sink";
import { attempt, errno, sinkError } from "./errors.js";

/**
 * Tries what the contract needs, in the sink's directory: better now than in mid-run. Leaves nothing.
 * Rejects with `denied` when files can't be created there, and `invalid` when the file system doesn't tell upper from lower case.
 */
export async function probe(dir: string): Promise<{ readonly links: boolean }> {
  const path = join(dir, newTempName());
  await (await attempt("create", path, open(path, "wx", 0o600))).close();
  try {
    if (await reachable(join(dir, path.slice(dir.length + 1).toUpperCase())))
      throw new SinkError("invalid", `the file system of ${dir} doesn't tell upper from lower case`, {
        remedy: "Use a file system that does.",
      });
    return { links: await hasLinks(path, join(dir, newTempName())) };
  } finally {
    await remove(path);
  }
}

/** Whoever has the repository for himself may have been faster. */
async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errno(error) !== "ENOENT") throw sinkError(error, "remove", path);
  });
}

async function reachable(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (errno(error) === "ENOENT") return false;
    throw sinkError(error, "look at", path);
  }
}

async function hasLinks(path: string, second: string): Promise<boolean> {
  try {
    await link(path, second);
  } catch (error) {
    const code = errno(error);
    if (code === "EPERM" || code === "ENOTSUP" || code === "EOPNOTSUPP" || code === "ENOSYS") return false;
    if (code === "ENOENT")
      throw new SinkError("transient", `${path} was removed by somebody else`, { cause: error });
    throw sinkError(error, "link", path);
  }
  await remove(second);
  return true;
}
