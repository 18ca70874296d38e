import { SinkError } from "@axon-backup/sink";
import { errno, sinkError } from "./errors.js";
import type { Root } from "./root.js";

/** There is no such object. */
export function missing(path: string, cause?: unknown): SinkError {
  return new SinkError("not-found", `${path} doesn't exist`, cause === undefined ? {} : { cause });
}

/**
 * Rejects with `missing` for an error that means it, when the sink's directory itself is still there; any other error as what it means.
 * A directory in an object's place is no object; and nothing is below an object.
 */
export async function rejectMissing(
  root: Root,
  error: unknown,
  action: string,
  path: string,
): Promise<never> {
  const code = errno(error);
  if (code !== "ENOENT" && code !== "ENOTDIR" && code !== "EISDIR") throw sinkError(error, action, path);
  await root.check();
  throw missing(path, error);
}
