import { type FileHandle, open, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { readRange } from "../control-db/read-range.js";
import { CONTROL_DB_FILE, openControlDbZip } from "../control-db/zip.js";
import { checkFreeSpace, inside, onDisk, writeAll } from "./disk.js";
import { fetchObject } from "./fetch-object.js";
import type { FetchTools } from "./fetch-context.js";
import type { RestorePlan } from "./plan.js";
import type { Target } from "./target.js";

/**
 * Fetches the control DB's zip, and unzips it into the tree: first to the disk, because a zip's directory is at its end.
 * @returns the database's bytes
 */
export async function fetchControlDb(
  tools: FetchTools,
  target: Target,
  planned: RestorePlan["controlDb"],
): Promise<number> {
  const { name, observer, signal = new AbortController().signal } = tools;
  const { key, size: bytes, sha256 } = planned;
  const path = join(target.working, "controldb.zip");
  await onDisk(`removing ${path}`, () => rm(path, { force: true }));
  await fetchObject(tools, { key, bytes, sha256, prefix: false }, path, { signal });
  const size = await onDisk(`unzipping ${path}`, async () => {
    const zip = await open(path, "r");
    try {
      return await unzip(zip, key, bytes, target, signal);
    } finally {
      await zip.close();
    }
  });
  await onDisk(`removing ${path}`, () => unlink(path));
  observer({ kind: "object", sink: name, key, bytes, what: "control DB" });
  return size;
}

async function unzip(
  file: FileHandle,
  key: string,
  bytes: number,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<number> {
  const zip = await openControlDbZip(key, bytes, (offset, length) =>
    readRange(
      async (buffer, position) => (await file.read(buffer, 0, buffer.byteLength, position)).bytesRead,
      offset,
      length,
    ),
  );
  await checkFreeSpace(target.directory, zip.size);
  await rm(inside(target.tree, CONTROL_DB_FILE), { force: true });
  const database = await open(inside(target.tree, CONTROL_DB_FILE), "wx", 0o600);
  try {
    for await (const chunk of zip.content()) {
      signal?.throwIfAborted();
      await writeAll(database, chunk);
    }
    await database.sync();
  } finally {
    await database.close();
  }
  return zip.size;
}
