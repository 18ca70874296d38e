import { lstat, readdir, rename, rm, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { processState } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { errorCode, inside, syncDirectory } from "./disk.js";
import { isJournalName, type Journal, journalPath, readJournal } from "./journal.js";
import { findChange, type PlacedEntry, removePlaced } from "./placed.js";

/** The working directory of a restore, inside of the target. Never without a journal: it gets this name, and loses it, in one step. */
export const WORKING = ".axon-backup-restore";
/** A working directory that is being made, or that a whole restore takes away, has this name and something random. */
const SPARE = `${WORKING}-`;
/** One that is being removed with what its restore had placed. */
const REMOVING = `${SPARE}removing-`;
/** One that a later restore takes over. */
const TAKING = `${SPARE}taking-`;
/** What file systems put into an empty directory by themselves. */
const IGNORED = new Set(["lost+found"]);

/** Whether a file system puts an entry of this name into an empty directory by itself. */
export function isIgnored(name: string): boolean {
  return IGNORED.has(name);
}

/** A working directory that lies in a target. */
export interface Leftover {
  readonly name: string;
  readonly journal: Journal | undefined;
}

/** What lies in a target. */
export interface Lying {
  readonly leftovers: readonly Leftover[];
  /** Names of everything else, but for what file systems make by themselves. */
  readonly others: readonly string[];
}

/** A name that no other working directory has, for one that is being made or that is done with. */
export function spareName(nonce: string): string {
  return `${SPARE}${nonce}`;
}

/** The same, for one that is being removed. */
export function removingName(nonce: string): string {
  return `${REMOVING}${nonce}`;
}

/** The same, for one that is being taken over. */
export function takingName(nonce: string): string {
  return `${TAKING}${nonce}`;
}

/** Whether a working directory holds what a restore was about to complete: not one that is being removed, or that a whole restore takes away. */
export function isAtWork(name: string): boolean {
  return name === WORKING || name.startsWith(TAKING);
}

/** Names of what lies in a directory beside working directories. */
export async function othersIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => !IGNORED.has(name) && !name.startsWith(WORKING));
}

/**
 * What lies in a directory. Removes working directories in which nothing is.
 * @throws EngineError `locked` when a restore is at work there
 */
export async function findLeftovers(directory: string): Promise<Lying> {
  const leftovers: Leftover[] = [];
  const others: string[] = [];
  for (const name of (await readdir(directory)).filter((entry) => !isIgnored(entry))) {
    const journal = await readLeftover(directory, name);
    if (journal === "foreign") others.push(name);
    else leftovers.push({ name, journal });
  }
  for (const { journal } of leftovers) if (journal) requireDead(directory, journal);
  // An empty one may stand beside a whole restore, whose last step it missed.
  for (const { name, journal } of leftovers) if (!journal) await removeIfEmpty(join(directory, name));
  return { leftovers, others };
}

/**
 * Makes sure that a directory is empty, after removing what a restore that died has left there. What such a restore had placed goes only if all of it is exactly as it
 * was placed and nothing else is there. A restore that was whole when it died stays.
 * @throws EngineError `usage` when there is anything else: nothing is touched then but the journal of a whole restore; `locked` when a restore is at work there
 */
export async function requireEmpty(directory: string): Promise<void> {
  const { leftovers, others } = await findLeftovers(directory);
  for (const leftover of leftovers) await refuseWhole(directory, leftover);
  for (const leftover of leftovers) refuseMixture(directory, leftover);
  await requireOnlyPlaced(directory, { leftovers, others });
  for (const { name, journal } of leftovers)
    if (journal) await removeDead(directory, name, journal);
    else await removeWorking(directory, name);
}

/**
 * Makes sure that everything in a directory is exactly as restores that died there have placed it, and nothing that they had placed is gone.
 * @throws EngineError `usage`
 */
export async function requireOnlyPlaced(directory: string, { leftovers, others }: Lying): Promise<void> {
  for (const name of others) {
    const changes = await Promise.all(leftovers.map((leftover) => changeSince(directory, name, leftover)));
    if (!changes.includes(undefined)) throw notEmpty(directory, closest(changes) ?? name);
  }
  for (const leftover of leftovers) await requireUnmoved(directory, leftover);
}

/** What a restore over an old store has left is neither the old one nor the new one: nothing of it may be thrown away unasked. */
function refuseMixture(directory: string, { journal }: Leftover): void {
  if (journal?.delta !== "replacing") return;
  throw new EngineError(
    "usage",
    `${directory} holds parts of two stores: a restore of ${journal.restorePoint}, which began at ${journal.began}, was cut off while it put files in the place of others`,
    "Run it again with --resume or --delta, which complete it, or restore to another directory. Don't start a server from this one before. Nothing was touched.",
  );
}

/**
 * A restore that had placed everything is whole, and what it restored may be in use since: it is the operator's. Only the journal goes, which the restore had no time to
 * remove.
 */
async function refuseWhole(directory: string, { name, journal }: Leftover): Promise<void> {
  if (journal === undefined || journal.entries.length === 0 || name.startsWith(REMOVING)) return;
  if (isAtWork(name)) {
    for (const entry of topLevel(journal))
      if ((await inodeOf(inside(directory, entry.path))) !== entry.inode) return;
  }
  await forgetWorking(directory, name);
  throw new EngineError(
    "usage",
    `${directory} is not empty: the restore of ${journal.restorePoint} to it, which began at ${journal.began}, had placed all of its files when it was cut off`,
    "Use what is there: it is whole, and `axon-backup restore --check-only` looks whether it still is. Or restore to a directory that is empty or doesn't exist yet.",
  );
}

/** What of an entry of the target isn't as this dead restore placed it; undefined when nothing. */
async function changeSince(directory: string, name: string, leftover: Leftover): Promise<string | undefined> {
  const { journal } = leftover;
  return findChange(directory, name, journal?.entries ?? [], leftover.name.startsWith(REMOVING));
}

/** The path that tells most: deep inside of an entry that was placed, rather than its name. */
function closest(changes: readonly (string | undefined)[]): string | undefined {
  return changes.reduce(
    (longest, path) => ((path?.length ?? 0) > (longest?.length ?? 0) ? path : longest),
    undefined,
  );
}

/** Something that was placed and is in neither place, was taken away by somebody, who may need the rest. */
async function requireUnmoved(directory: string, { name, journal }: Leftover): Promise<void> {
  if (!isAtWork(name) || journal === undefined) return;
  for (const { path } of topLevel(journal))
    if (!(await exists(join(directory, path))) && !(await exists(join(directory, name, "tree", path))))
      throw new EngineError(
        "usage",
        `${directory} is not empty: a restore that was cut off had placed ${JSON.stringify(path)} there, which is gone`,
        "Restore to a directory that is empty or doesn't exist yet. Nothing was touched.",
      );
}

function topLevel(journal: Journal): readonly PlacedEntry[] {
  return journal.entries.filter(({ path }) => !path.includes("/"));
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
 * Removes a working directory with exactly what its journal lists, and nothing that has changed since. The journal goes last: a removal that is cut off can be taken up again.
 */
export async function removeWorking(directory: string, name: string): Promise<void> {
  const path = join(directory, name);
  if (!(await exists(path))) return;
  const journal = await readJournal(path);
  // What is still in the tree was never placed: under its name there is nothing, or somebody else's.
  const unplaced = await readdir(join(path, "tree")).catch((): string[] => []);
  const placed = journal?.entries.filter(({ path }) => !unplaced.includes(path.split("/")[0] ?? "")) ?? [];
  // Over an old store, nothing that was placed is removed: the old one is gone.
  if (journal?.delta === undefined) await removePlaced(directory, placed);
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
  // Nothing was placed yet, or the removal had begun.
  if (name !== WORKING) {
    await removeWorking(directory, name);
    return;
  }
  // Two processes may have found the same one, and the faster one may have begun anew: take it away under another name, then look again whose it is.
  const spare = removingName(`${process.pid}-${journal.nonce}`);
  await rename(join(directory, name), join(directory, spare));
  const taken = await readJournal(join(directory, spare));
  if (taken?.nonce !== journal.nonce) {
    await rename(join(directory, spare), join(directory, name));
    throw locked(directory, taken ?? journal);
  }
  await removeWorking(directory, spare);
}

/** @throws EngineError `locked` when the restore that a journal tells of may still be at work */
export function requireDead(directory: string, journal: Journal): void {
  if (journal.suspended !== true && processState(journal.process) !== "dead")
    throw locked(directory, journal);
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

export function notEmpty(directory: string, name: string): EngineError {
  return new EngineError(
    "usage",
    `${directory} is not empty: it holds ${JSON.stringify(name)}`,
    "Restore to a directory that is empty or doesn't exist yet. Or go on with a restore that was cut off there, with --resume, or turn an old store that is there into the restored one, with --delta. Nothing was touched.",
  );
}

export function locked(directory: string, { process: { host, pid }, began }: Journal): EngineError {
  return new EngineError(
    "locked",
    `another restore works in ${directory}: process ${pid} on ${host}, since ${began}`,
    `Wait for it, or restore elsewhere. If that process doesn't exist any more (another machine, or a container that is gone), look at what is in ${directory}, remove it and run it again.`,
  );
}
