import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProcessIdentity } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { errorCode, replaceFile } from "./disk.js";
import { isPlacedEntry, type PlacedEntry } from "./placed.js";

/**
 * What a restore that is under way tells about itself, in its working directory inside of the target. Whoever comes after a restore that died knows by it what is
 * left over and may go.
 */
export interface Journal {
  readonly format: 2;
  /** Distinguishes this restore from every other. */
  readonly nonce: string;
  readonly process: ProcessIdentity;
  readonly restorePoint: RestorePointId;
  /** ISO 8601, UTC. */
  readonly began: string;
  /** What gets, or has got, its final name in the target, with everything that is in it. Empty while files are still being fetched. */
  readonly entries: readonly PlacedEntry[];
  /**
   * Of a restore over an old store: whether that is still as it was (`preparing`), or the directory may hold some of the old and some of the new (`replacing`). Left out of a restore to an
   * empty directory.
   */
  readonly delta?: "preparing" | "replacing";
  /** Of a restore that ended without being whole, and left what it had fetched to a later one. */
  readonly suspended?: true;
}

const FILE = "journal.json";

export async function writeJournal(directory: string, journal: Journal): Promise<void> {
  await replaceFile(join(directory, FILE), `${JSON.stringify(journal, undefined, 2)}\n`);
}

/** Whether a file in a working directory is its journal, or one that was being written. */
export function isJournalName(name: string): boolean {
  return name === FILE || name === `${FILE}.new`;
}

export function journalPath(directory: string): string {
  return join(directory, FILE);
}

/**
 * The journal in a working directory.
 * @returns undefined when there is none: the restore hadn't begun, or is complete
 * @throws EngineError `usage` when there is something else under that name
 */
export async function readJournal(directory: string): Promise<Journal | undefined> {
  const path = journalPath(directory);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const journal = parse(text);
  if (journal) return journal;
  throw new EngineError(
    "usage",
    `${path} is not the journal of a restore`,
    "Restore to another directory. If no restore is running in this one, look at what is there, and remove what you don't need.",
  );
}

function parse(text: string): Journal | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJournal(value) ? value : undefined;
  } catch {
    // Not even JSON: the caller says what that means.
    return undefined;
  }
}

function isJournal(value: unknown): value is Journal {
  const journal = value as Partial<Record<keyof Journal, unknown>> | null;
  if (typeof journal !== "object" || journal?.format !== 2 || typeof journal.nonce !== "string") return false;
  const { process, entries, delta } = journal as {
    process?: Partial<ProcessIdentity>;
    entries?: unknown;
    delta?: unknown;
  };
  return (
    (delta === undefined || delta === "preparing" || delta === "replacing") &&
    typeof process?.host === "string" &&
    Number.isSafeInteger(process.pid) &&
    Array.isArray(entries) &&
    entries.every(isPlacedEntry)
  );
}
