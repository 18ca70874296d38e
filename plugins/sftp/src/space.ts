import { SinkError } from "@axon-backup/sink";
import { status, STATUS } from "./errors.js";
import type { Files } from "./files.js";
import type { Root } from "./root.js";

const REMEDY = "Free space on the server, raise the user's quota or move the sink to a larger storage.";
/** What is smaller isn't worth a request of its own; what doesn't fit fails, and is explained. */
const CHECKED_BYTES = 1024 * 1024;

/** Rejects with `full` when `size` more bytes don't fit: before they are sent rather than in the middle. */
export async function refuseUnlessFits(files: Files, root: Root, size: number): Promise<void> {
  if (size < CHECKED_BYTES) return;
  const free = await files.freeBytes(root.path === "" ? "/" : root.path);
  if (free !== undefined && size > free)
    throw new SinkError(
      "full",
      `${size} bytes don't fit on the server's file system of ${root.path}: ${free} are free`,
      { remedy: REMEDY },
    );
}

/** The server says the same of a full disk as of anything else: the free space tells. */
export async function explainFailure(
  files: Files,
  root: Root,
  error: unknown,
  size: number,
): Promise<unknown> {
  if (status(error) !== STATUS.failure) return error;
  // What can't be asked is no explanation, and the failure itself is the one to report.
  const free = await files.freeBytes(root.path === "" ? "/" : root.path).catch(() => undefined);
  if (free === undefined || free >= Math.max(size, 1)) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new SinkError("full", `${text}; ${free} bytes are free there`, { cause: error, remedy: REMEDY });
}
