import { missing, status, STATUS } from "./errors.js";
import type { Files } from "./files.js";
import type { Root } from "./root.js";

/**
 * Rejects with `missing` for an answer that means it, when the sink's directory itself is still there; any other error as it is. A directory in an
 * object's place is no object.
 */
export async function rejectMissing(root: Root, files: Files, error: unknown, path: string): Promise<never> {
  const code = status(error);
  if (code === STATUS.noSuchFile) {
    await root.check(files);
    throw missing(path, error);
  }
  // Opening a directory to write fails without a reason.
  if (code === STATUS.failure && (await files.lstat(path)).isDirectory()) throw missing(path, error);
  throw error;
}
