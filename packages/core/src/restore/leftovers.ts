import { lstat, readdir, rename, rm, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { processState } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { errorCode, inside, syncDirectory } from "./disk.js";
import { isJournalName, type Journal, type JournalEntry, journalPath, readJournal } from "./journal.js";

/** The working directory of a restore, inside of the target. Never without a journal: it gets this name, and loses it, in one step. */
export const WORKING = ".axon-backup-restore";
/** A working directory that is being made or removed has this name and something random. */
const SPARE = `${WORKING}-`;
/** What file systems put into an empty directory by themselves. */
const IGNORED = new Set(["lost+found"]);

interface Leftover {
  readonly name: string;
  readonly journal: Journal | undefined;
}

/** A name that no other working directory has. */
export function spareName(nonce: string): string {
  return `${SPARE}${nonce}`;
}

/**
 * Makes sure that a directory is empty, after removing what a restore that died has left there.
 * @throws EngineError `usage` when there is anything else: nothing is touched then; `locked` when a restore is at work there
 */
export async function requireEmpty(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => !IGNORED.has(name));
  const leftovers: Leftover[] = [];
  const others: string[] = [];
  for (const name of names) {
    const journal = await readLeftover(directory, name);
    if (journal === "foreign") others.push(name);
    else leftovers.push({ name, journal });
  }
  for (const { journal } of leftovers) if (journal) requireDead(directory, journal);
  // An empty one may stand beside a whole restore, whose last step it missed.
  for (const { name, journal } of leftovers) if (!journal) await removeIfEmpty(join(directory, name));
  const placed = leftovers.flatMap(({ journal }) => journal?.entries ?? []);
  for (const name of others) if (!(await isPlaced(directory, name, placed))) throw notEmpty(directory, name);
  for (const { name, journal } of leftovers)
    if (journal) await removeDead(directory, name, journal);
    else await removeWorking(directory, name);
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (errorCode(error) !== "ENOTEMPTY" && errorCode(error) !== "ENOENT") throw error;
  }
}

/**
 * The journal of a working directory; undefined when it is one that has none: just being made, or all but removed. `foreign` is everything else: a link, a file,
 * or a directory of that name with other things in it.
 */
async function readLeftover(directory: string, name: string): Promise<Journal | undefined | "foreign"> {
  if (name !== WORKING && !name.startsWith(SPARE)) return "foreign";
  const path = join(directory, name);
  if (!(await lstat(path)).isDirectory()) return "foreign";
  const journal = await readJournal(path);
  if (journal) return journal;
  for (const content of await readdir(path)) {
    const isTree = content === "tree" && (await readdir(join(path, content)).catch(() => ["?"])).length === 0;
    if (!isTree && !isJournalName(content)) return "foreign";
  }
  return undefined;
}

/**
 * Removes a working directory with what its journal lists. The journal goes last: a removal that is cut off can be taken up again.
 */
export async function removeWorking(directory: string, name: string): Promise<void> {
  const path = join(directory, name);
  if (!(await exists(path))) return;
  const journal = await readJournal(path);
  for (const entry of journal?.entries ?? [])
    if (await isPlaced(directory, entry.name, [entry]))
      await rm(inside(directory, entry.name), { recursive: true });
  await forgetWorking(directory, name);
}

/** Removes a working directory and leaves alone what was placed: once the journal is gone, that is a whole restore. */
export async function forgetWorking(directory: string, name: string): Promise<void> {
  const path = join(directory, name);
  for (const content of await readdir(path))
    if (join(path, content) !== journalPath(path)) await rm(join(path, content), { recursive: true });
  await syncDirectory(directory);
  await unlink(journalPath(path)).catch(ignoreAbsent);
  await rm(path, { recursive: true });
  await syncDirectory(directory);
}

async function removeDead(directory: string, name: string, journal: Journal): Promise<void> {
  if (name !== WORKING) {
    await removeWorking(directory, name);
    return;
  }
  // Two processes may have found the same one, and the faster one may have begun anew: take it away under another name, then look again whose it is.
  const spare = spareName(`${process.pid}-${journal.nonce}`);
  await rename(join(directory, name), join(directory, spare));
  const taken = await readJournal(join(directory, spare));
  if (taken?.nonce !== journal.nonce) {
    await rename(join(directory, spare), join(directory, name));
    throw locked(directory, taken ?? journal);
  }
  await removeWorking(directory, spare);
}

function requireDead(directory: string, journal: Journal): void {
  if (processState(journal.process) !== "dead") throw locked(directory, journal);
}

/** Whether an entry of the target is one that a journal lists, and the very same. */
async function isPlaced(directory: string, name: string, entries: readonly JournalEntry[]): Promise<boolean> {
  const listed = entries.filter((entry) => entry.name === name);
  if (listed.length === 0) return false;
  const inode = await inodeOf(inside(directory, name));
  return listed.some((entry) => entry.inode === inode);
}

/** In decimal; undefined when there is nothing. */
export async function inodeOf(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path, { bigint: true })).ino.toString();
  } catch (error) {
    ignoreAbsent(error);
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await inodeOf(path)) !== undefined;
}

function ignoreAbsent(error: unknown): void {
  if (errorCode(error) !== "ENOENT") throw error;
}

function notEmpty(directory: string, name: string): EngineError {
  return new EngineError(
    "usage",
    `${directory} is not empty: it holds ${JSON.stringify(name)}`,
    "Restore to a directory that is empty or doesn't exist yet. Nothing was touched.",
  );
}

function locked(directory: string, { process: { host, pid }, began }: Journal): EngineError {
  return new EngineError(
    "locked",
    `another restore works in ${directory}: process ${pid} on ${host}, since ${began}`,
    `Wait for it, or restore elsewhere. If that process doesn't exist any more (another machine, or a container that is gone), remove everything in ${directory} and run it again.`,
  );
}
