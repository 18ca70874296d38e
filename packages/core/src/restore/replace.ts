import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { CONTROL_DB_FILE } from "../control-db/zip.js";
import { errorCode, inside, syncDirectory } from "./disk.js";
import { type Journal, writeJournal } from "./journal.js";
import { inodeOf, othersIn } from "./leftovers.js";
import { allow } from "./make-writable.js";
import { requireOldStore, requireUnused } from "./old-store.js";
import { listEntries } from "./placed.js";

/** Of a working directory: begins the name of a directory for what was in the place of the restored store. */
export const ASIDE = "aside-";
const READ_BYTES = 1024 * 1024;

/**
 * Puts a tree that is whole in the place of an old store. What is the same already stays; of the rest, the old goes aside before the new gets its name, the old control DB first and the new one last: a
 * directory with a control DB in it is never a mixture. The journal tells of it from the first step to the last; whoever finds it does the rest.
 * @param working with the tree in it, and afterwards what was put aside
 * @param contexts that may lie in the directory
 * @param onJournal told of the journal before it is written
 */
export async function replaceOld(
  directory: string,
  working: string,
  contexts: ReadonlySet<string>,
  journal: Journal,
  onJournal: (journal: Journal) => void,
): Promise<void> {
  const tree = join(working, "tree");
  const names = await readdir(tree);
  const changed: string[] = [];
  for (const name of names.filter((entry) => entry !== CONTROL_DB_FILE).sort())
    if (await haveSameFiles(join(tree, name), join(directory, name)))
      await rm(join(tree, name), { recursive: true });
    else changed.push(name);
  const controlDb = [join(tree, CONTROL_DB_FILE), join(directory, CONTROL_DB_FILE)] as const;
  if (changed.length === 0 && (await haveSameBytes(...controlDb))) {
    await rm(controlDb[0]);
    return;
  }
  // Once more, just before: somebody may have put something there meanwhile.
  await requireOldStore(directory, await othersIn(directory), contexts);
  await requireUnused(directory);
  const replacing: Journal = { ...journal, delta: "replacing", entries: await listEntries(tree) };
  onJournal(replacing);
  await writeJournal(working, replacing);
  const aside = join(working, `${ASIDE}${journal.nonce}`);
  await mkdir(aside, { mode: 0o700, recursive: true });
  await moveIfThere(controlDb[1], join(aside, CONTROL_DB_FILE));
  await syncDirectory(directory);
  for (const name of changed) {
    const old = inside(directory, name);
    // A directory can be moved by who may write to it alone.
    if ((await inodeOf(old)) !== undefined) await allow(old, 0o700);
    await moveIfThere(old, join(aside, name));
    await rename(join(tree, name), inside(directory, name));
  }
  await syncDirectory(directory);
  await rename(...controlDb);
  await syncDirectory(directory);
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

/** Whether two directories have the same files under the same names. */
async function haveSameFiles(one: string, other: string): Promise<boolean> {
  const names = (await readdir(one)).sort();
  const others = (await namesIn(other)).sort();
  if (names.length !== others.length) return false;
  for (const [index, name] of names.entries())
    if (name !== others[index] || (await inodeOf(join(one, name))) !== (await inodeOf(join(other, name))))
      return false;
  return true;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function haveSameBytes(one: string, other: string): Promise<boolean> {
  if ((await inodeOf(other)) === undefined) return false;
  const first = await open(one, "r");
  try {
    const second = await open(other, "r");
    try {
      return await compare(first, second);
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

async function compare(one: FileHandle, other: FileHandle): Promise<boolean> {
  if ((await one.stat()).size !== (await other.stat()).size) return false;
  const [a, b] = [Buffer.allocUnsafe(READ_BYTES), Buffer.allocUnsafe(READ_BYTES)];
  for (let position = 0; ;) {
    const { bytesRead } = await one.read(a, 0, READ_BYTES, position);
    if (bytesRead === 0) return true;
    const read = await other.read(b, 0, bytesRead, position);
    // Fewer bytes at once than the other file gave is no difference, but rare enough to be taken for one.
    if (read.bytesRead !== bytesRead || a.compare(b, 0, bytesRead, 0, bytesRead) !== 0) return false;
    position += bytesRead;
  }
}
