import type { ControlDbFile, ServerSource, SourceHandle } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import { openControlDbZip } from "./zip.js";

const READ_BYTES = 1024 * 1024;

/**
 * Makes the server back up its control DB, and looks whether what it wrote is one: a zip with that one entry, whole.
 * @throws EngineError `failed` when it isn't; what `source` rejects with
 */
export async function createControlDb(source: ServerSource, signal?: AbortSignal): Promise<ControlDbFile> {
  const file = await source.createControlDbBackup(signal);
  const handle = await source.open(file);
  try {
    await openControlDbZip(file.path, handle.size, (offset, length) => readRange(handle, offset, length));
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== "damage") throw error;
    throw new EngineError(
      "failed",
      error.message,
      "The server wrote it just now. Is there space left in its control DB backup location? Does `server.paths` lead to the right directory?",
      error,
    );
  } finally {
    await handle.close();
  }
  return file;
}

async function* readRange(handle: SourceHandle, offset: number, length: number): AsyncGenerator<Uint8Array> {
  for (let position = offset; position < offset + length;) {
    // A new buffer each time: the zip reader keeps what it gets.
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, offset + length - position));
    const count = await handle.read(buffer, position);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}
