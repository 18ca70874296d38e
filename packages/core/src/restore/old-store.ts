import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isControlDbName, parseStoreFileName, STORE_KINDS } from "@axon-backup/axon-server";
import { CONTROL_DB_FILE } from "../control-db/zip.js";
import { EngineError } from "../errors.js";
import { errorCode, inside } from "./disk.js";

/** What H2, the database behind the control DB, writes beside it when it has something to complain about. */
const TRACE = "axonserver-controldb.trace.db";
/** So many names are told. */
const TOLD = 5;

/**
 * Makes sure that what lies in a directory is an old store and nothing else: the directories of the contexts that are restored, with segments and index files in them, and the control DB. Its backups
 * and its trace are harmless, and stay.
 * @param names of the directory's entries
 * @throws EngineError `usage` when there is anything else: it would be in the way of the restored store, or be lost with the old one
 */
export async function requireOldStore(
  directory: string,
  names: readonly string[],
  contexts: ReadonlySet<string>,
): Promise<void> {
  const foreign: string[] = [];
  const { dev } = await lstat(directory);
  for (const name of names) {
    const found = await lstat(inside(directory, name));
    const isPart = found.isDirectory()
      ? contexts.has(name) && found.dev === dev
      : found.isFile() && isHarmless(name);
    if (!isPart) foreign.push(name);
    else if (found.isDirectory()) foreign.push(...(await foreignIn(directory, name)));
  }
  if (foreign.length === 0) return;
  const more = foreign.length > TOLD ? ` and ${foreign.length - TOLD} more` : "";
  const told = foreign.slice(0, TOLD).map((path) => JSON.stringify(path));
  throw new EngineError(
    "usage",
    `${directory} holds something else than the store that is to be restored: ${told.join(", ")}${more}`,
    "Move it away, or restore to another directory. Contexts that aren't restored, links, and file systems that are mounted inside of the directory can't stay either. Nothing was touched.",
  );
}

function isHarmless(name: string): boolean {
  return name === CONTROL_DB_FILE || name === TRACE || isControlDbName(name);
}

/**
 * Makes sure that no server works with an old store: its database locks its file, which Linux tells of where it can (not across containers and network file systems).
 * @throws EngineError `locked`
 */
export async function requireUnused(directory: string): Promise<void> {
  const path = join(directory, CONTROL_DB_FILE);
  let found: string;
  try {
    const { dev, ino } = await lstat(path, { bigint: true });
    found = `${hex((dev >> 8n) & 0xfffn)}:${hex((dev & 0xffn) | ((dev >> 12n) & 0xfff00n))}:${ino}`;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  // Systems without it don't tell.
  const locks = await readFile("/proc/locks", "latin1").catch(() => "");
  const lock = locks
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find((fields) => fields.includes(found));
  if (!lock) return;
  throw new EngineError(
    "locked",
    `${path} is locked: process ${lock[4] ?? "?"} has it open, an Axon Server most likely`,
    "Stop it, and run it again. Nothing was touched.",
  );
}

/** As /proc/locks writes the two parts of a device's number. */
function hex(number: bigint): string {
  return number.toString(16).padStart(2, "0");
}

async function foreignIn(directory: string, context: string): Promise<string[]> {
  const foreign: string[] = [];
  for (const entry of await readdir(join(directory, context), { withFileTypes: true })) {
    const isOfStore = STORE_KINDS.some((store) => parseStoreFileName(entry.name, store) !== undefined);
    if (!entry.isFile() || !isOfStore) foreign.push(`${context}/${entry.name}`);
  }
  return foreign;
}
