import { constants } from "node:fs";
import { copyFile, type FileHandle, link, open, rename, rm, stat } from "node:fs/promises";
import { EngineError } from "../errors.js";
import { errorCode, onDisk } from "./disk.js";
import type { FetchOptions } from "./fetch.js";
import { fetchObject, type ObjectTools } from "./fetch-object.js";
import { readChunks, whatDiffers } from "./local-file.js";
import type { PlannedFile } from "./plan.js";

export interface ObtainOptions extends Omit<FetchOptions, "finish"> {
  /** Called when all bytes are there and proved right; with the file, to be changed, only if it was fetched. */
  readonly finish: (file: FileHandle | undefined) => Promise<void>;
}

/**
 * Makes a planned file be at `path`: one that is there already, or elsewhere on this disk, if every byte of it is right, and else the sink's. An index file that no sink has whole isn't there in the end.
 * @param present where the file may be already, `path` itself among them; what isn't right at `path` is replaced, everywhere else it is left alone
 * @returns whether it was there
 * @throws what `fetchObject` does
 */
export async function obtain(
  tools: ObjectTools,
  file: PlannedFile,
  path: string,
  present: readonly string[],
  { signal, onChunk, finish }: ObtainOptions,
): Promise<boolean> {
  // One that is to be cut isn't the object any more once it was.
  const candidates = file.cutBefore === undefined ? present : [];
  for (const candidate of candidates)
    if ((await whatDiffers(candidate, file, { signal, settle: true })) === undefined) {
      if (candidate !== path && !(await share(candidate, path, file, signal))) continue;
      tools.onBytes(file.bytes);
      if (onChunk) await readFile(path, file.bytes, signal, onChunk);
      await finish(undefined);
      return true;
    }
  if (present.length > 0) await onDisk(`removing ${path}`, () => rm(path, { force: true }));
  let came = 0;
  const counting = {
    ...tools,
    onBytes(bytes: number) {
      came += bytes;
      tools.onBytes(bytes);
    },
  };
  try {
    await fetchObject(counting, file, path, { signal, ...(onChunk && { onChunk }), finish });
  } catch (error) {
    if (file.kind !== "index" || !(error instanceof EngineError && error.kind === "damage")) throw error;
    await onDisk(`removing ${path}`, () => rm(path, { force: true }));
    tools.onBytes(file.bytes - came);
    tools.leaveOut(file, error);
  }
  return false;
}

async function readFile(
  path: string,
  bytes: number,
  signal: AbortSignal,
  onChunk: (chunk: Uint8Array) => void,
): Promise<void> {
  await onDisk(`reading ${path}`, async () => {
    const file = await open(path, "r");
    try {
      await readChunks(file, bytes, signal, onChunk);
    } finally {
      await file.close();
    }
  });
}

/**
 * Gives a file a second name: as a link, so that it takes no room, or where there are none, as a copy.
 * @returns false when what is there then isn't right
 */
async function share(from: string, to: string, file: PlannedFile, signal: AbortSignal): Promise<boolean> {
  return onDisk(`making ${to} of ${from}`, async () => {
    await rm(to, { force: true });
    try {
      await link(from, to);
      return true;
    } catch (error) {
      // File systems without links, and files of other users (fs.protected_hardlinks).
      if (!NO_LINKS.has(errorCode(error) ?? "")) throw error;
    }
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return (await whatDiffers(to, file, { signal, settle: true })) === undefined;
  });
}

const NO_LINKS = new Set(["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"]);

/** Makes sure that a file may be changed under this name without changing it under others that it has. */
export async function unshare(path: string): Promise<void> {
  if ((await stat(path)).nlink < 2) return;
  const copy = `${path}.copy`;
  await rm(copy, { force: true });
  await copyFile(path, copy, constants.COPYFILE_FICLONE);
  await rename(copy, path);
}
