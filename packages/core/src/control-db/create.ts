import type { ControlDbFile, ServerSource } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import { withHandle } from "../with-handle.js";
import { readRange } from "./read-range.js";
import { openControlDbZip } from "./zip.js";

/**
 * Makes the server back up its control DB, and looks whether what it wrote is one: a zip with that one entry, whole.
 * @throws EngineError `failed` when it isn't; what `source` rejects with
 */
export async function createControlDb(source: ServerSource, signal?: AbortSignal): Promise<ControlDbFile> {
  const file = await source.createControlDbBackup(signal);
  try {
    await withHandle(source, file, (handle) =>
      openControlDbZip(file.path, handle.size, (offset, length) =>
        readRange((buffer, position) => handle.read(buffer, position), offset, length),
      ),
    );
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== "damage") throw error;
    throw new EngineError(
      "failed",
      error.message,
      "The server wrote it just now. Is there space left in its control DB backup location? Does `server.paths` lead to the right directory?",
      error,
    );
  }
  return file;
}
