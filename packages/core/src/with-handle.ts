import type { ControlDbFile, ServerSource, SourceFile, SourceHandle } from "@axon-backup/axon-server";

/** Opens one of the server's files for as long as `use` takes. */
export async function withHandle<T>(
  source: ServerSource,
  file: SourceFile | ControlDbFile,
  use: (handle: SourceHandle) => Promise<T>,
): Promise<T> {
  const handle = await source.open(file);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}
