import {
  type CallOptions,
  newTempName,
  type ObjectKey,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { type Tools, tidy, withFiles } from "./call.js";
import { status, STATUS } from "./errors.js";
import type { Files, OpenFile } from "./files.js";
import type { Publish } from "./publish.js";
import { applyMode, type Place } from "./root.js";
import { explainFailure, refuseUnlessFits } from "./space.js";
import { sendSource } from "./write.js";

/** How long, in milliseconds, an aborted put waits for the answer to its last step: only then it knows what is there. */
const LAST_STEP_MS = 3000;

/**
 * Writes a temporary file beside the object's place, syncs it, and lets `publish` give it its name. Before that nothing has happened to the object.
 */
export function putFile(
  tools: Tools,
  publish: Publish,
  key: ObjectKey,
  source: Source,
  { signal, onProgress }: CallOptions = {},
): Promise<StoredObject> {
  return withFiles(tools, signal, async (files) => {
    const place = tools.root.place(key);
    await removeOrphans(tools, files);
    const file = await create(tools, files, place, source.size);
    try {
      const stored = await fill(tools, files, file, key, source, onProgress);
      signal?.throwIfAborted();
      // Nothing depends on the answer any more: the bytes are durable. It isn't waited for before the last step, which the server does behind it.
      files
        .steady()
        .close(file)
        .catch(() => undefined);
      const published = publish(tools.root, files.steady(), file.path, place);
      if ((await files.interrupt.finish(published, LAST_STEP_MS)) === "unknown") {
        // It mustn't happen any more once the put is tried again.
        files.session.reset();
        signal?.throwIfAborted();
      }
      return stored;
    } catch (error) {
      // Before the temporary file gives its room back.
      const explained = await explainFailure(files, tools.root, error, source.size);
      await dropTemp(tools, files, file.path, file);
      throw explained;
    } finally {
      tools.own.delete(file.path);
    }
  });
}

/** A new temporary file in the object's directory, which is made if it is missing. */
async function create(tools: Tools, files: Files, { dir }: Place, size: number): Promise<OpenFile> {
  const { root, settings } = tools;
  const make = async (): Promise<OpenFile> => {
    await root.ensure(files, dir);
    const temp = `${dir}/${newTempName()}`;
    tools.own.add(temp);
    try {
      return await files.open(temp, "wx", settings.fileMode);
    } catch (error) {
      tools.own.delete(temp);
      // Aborted, or lost, before the answer came: it may be there.
      if (status(error) === undefined) await dropTemp(tools, files, temp);
      throw error;
    }
  };
  try {
    await refuseUnlessFits(files, root, size);
    return await make().catch(async (error: unknown) => {
      if (status(error) !== STATUS.noSuchFile) throw error;
      // Somebody else removed the directory.
      await root.check(files);
      root.forget(dir);
      return make();
    });
  } catch (error) {
    throw await explainFailure(files, root, error, size);
  }
}

/** Resolves when the bytes are durable, under their temporary name. */
async function fill(
  { settings }: Tools,
  files: Files,
  file: OpenFile,
  key: ObjectKey,
  source: Source,
  onProgress: CallOptions["onProgress"],
): Promise<StoredObject> {
  const answers = await sendSource(files, file, 0, source, onProgress);
  const [stats] = await Promise.all([files.fstat(file), files.fsync(file), ...answers]);
  const stored = confirm(file.path, key, source.size, stats);
  if ((stats.mode & 0o777) !== settings.fileMode)
    await applyMode(() => files.chmodOpen(file, settings.fileMode));
  return stored;
}

/** What the server says about what was written. */
export function confirm(
  path: string,
  key: ObjectKey,
  size: number,
  stats: { readonly size: number; readonly mtime: number },
): StoredObject {
  if (stats.size !== size)
    throw new SinkError(
      "transient",
      `${path} on the server has ${stats.size} bytes after ${size} were written`,
      { remedy: "See whether something else writes into the sink's directory, and check the server's disk." },
    );
  return { key, size: stats.size, modified: new Date(stats.mtime * 1000) };
}

async function dropTemp({ orphans }: Tools, files: Files, path: string, file?: OpenFile): Promise<void> {
  orphans.add(path);
  await tidy(files, async (steady) => {
    // Closed already, perhaps. The requests go out together.
    const closed = file && steady.close(file).catch(() => undefined);
    await remove(steady, path);
    orphans.delete(path);
    await closed;
  });
}

/** Removes what failed puts had to leave. One that can't be removed now stays for the next put. */
export async function removeOrphans({ orphans }: Tools, files: Files): Promise<number> {
  let removed = 0;
  for (const path of [...orphans]) {
    orphans.delete(path);
    try {
      if (await remove(files, path)) removed++;
    } catch (error) {
      orphans.add(path);
      throw error;
    }
  }
  return removed;
}

/** Whether there was something to remove. */
export async function remove(files: Files, path: string): Promise<boolean> {
  try {
    await files.unlink(path);
    return true;
  } catch (error) {
    if (status(error) === STATUS.noSuchFile) return false;
    throw error;
  }
}
