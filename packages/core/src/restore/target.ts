import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, readFile, realpath, rename, rm, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { thisProcess } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { REPOSITORY_KEY } from "../repository/layout.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { errorCode, inside, onDisk, syncDirectory } from "./disk.js";
import type { Journal } from "./journal.js";
import { isJournalName, writeJournal } from "./journal.js";
import {
  forgetWorking,
  inodeOf,
  removeWorking,
  removingName,
  requireEmpty,
  spareName,
  WORKING,
} from "./leftovers.js";
import { makeWritable } from "./make-writable.js";
import { listEntries } from "./placed.js";
import { ASIDE, replaceOld } from "./replace.js";
import { type Reuse, takeOver } from "./takeover.js";

const NO_REUSE: Reuse = { resume: false, delta: false, contexts: new Set() };

/** What is made is for its owner alone; the operator gives it to the server's user. */
const DIRECTORY_MODE = 0o700;

/**
 * The directory to restore to. Everything is made in a working directory inside of it (it may be a mount point, so it can't itself be put
 * in place), and gets its final name when all of it is whole.
 */
export class Target {
  #journal: Journal;

  private constructor(
    readonly directory: string,
    journal: Journal,
    private readonly created: boolean,
    /** Whether files of an earlier restore may be in the tree. */
    private readonly taken: boolean,
    private readonly reuse: Reuse,
  ) {
    this.#journal = journal;
  }

  /**
   * Claims a directory that is empty or absent, or in which something lies that may be used.
   * @throws EngineError `usage` when it is none of that, or can't be one; `locked` when a restore is at work there; `failed`
   */
  static async claim(path: string, restorePoint: RestorePointId, reuse: Reuse = NO_REUSE): Promise<Target> {
    return onDisk(`preparing ${path}`, async () => {
      const { directory, created } = await openDirectory(path);
      const journal: Journal = {
        format: 2,
        nonce: randomUUID(),
        process: thisProcess(),
        restorePoint,
        began: new Date().toISOString(),
        entries: [],
      };
      const make = (own: Journal): Promise<void> => makeWorking(directory, own);
      if (!created && (reuse.resume || reuse.delta)) {
        const own = await takeOver(directory, journal, reuse, make);
        return new Target(directory, own.journal, created, own.taken, reuse);
      }
      if (!created) await requireEmpty(directory);
      try {
        await make(journal);
      } catch (error) {
        // What failed matters; an empty directory that stays doesn't.
        if (created) await rmdir(directory).catch(() => undefined);
        throw error;
      }
      return new Target(directory, journal, created, false, reuse);
    });
  }

  /** For what isn't part of the result. */
  get working(): string {
    return join(this.directory, WORKING);
  }

  /** Has, in the end, the content that the directory will have. */
  get tree(): string {
    return join(this.working, "tree");
  }

  /** Whether there may be files that needn't be fetched. */
  get isReused(): boolean {
    return this.taken || this.#journal.delta !== undefined;
  }

  /** Where a file of a context may be already: in the tree, by an earlier restore, or under its final name, in an old store. */
  present(context: string, file: string): readonly string[] {
    const places = [...(this.taken ? [this.tree] : []), ...(this.#journal.delta ? [this.directory] : [])];
    return places.map((place) => inside(inside(place, context), file));
  }

  /**
   * Removes what an earlier restore has left in the working directory and this one doesn't need.
   * @param wanted paths of files, relative to the tree
   */
  async tidy(wanted: ReadonlySet<string>): Promise<void> {
    if (!this.taken) return;
    await onDisk(`clearing ${this.tree}`, async () => {
      for (const name of await readdir(this.working))
        if (name !== "tree" && !isJournalName(name) && !name.startsWith(ASIDE))
          await rm(join(this.working, name), { recursive: true, force: true });
      for (const entry of await readdir(this.tree, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        const isNeeded = entry.isDirectory()
          ? [...this.reuse.contexts].some((context) => join(this.tree, context) === path)
          : wanted.has(relative(this.tree, path));
        if (!isNeeded) await rm(path, { recursive: true, force: true });
      }
    });
  }

  /**
   * Gives everything its final name. Either all of it has it in the end, or a later restore finds out.
   * @param expected the files that there must be, relative to the tree, with their lengths: looked at once more, because another process may have meddled
   */
  async publish(expected: ReadonlyMap<string, number>): Promise<void> {
    await onDisk(`completing ${this.directory}`, async () => {
      for (const [path, length] of expected) await requireFile(join(this.tree, path), length);
      await syncDirectory(this.tree);
      if (this.#journal.delta) await this.#replace(expected.keys());
      else await this.#place();
      await forgetWorking(this.directory, await this.#renameWorking(spareName(this.#journal.nonce)));
    });
  }

  async #place(): Promise<void> {
    const names = (await readdir(this.tree)).sort(controlDbLast);
    this.#journal = { ...this.#journal, entries: await listEntries(this.tree) };
    await writeJournal(this.working, this.#journal);
    for (const name of names) {
      await requireAbsent(inside(this.directory, name));
      await rename(join(this.tree, name), inside(this.directory, name));
    }
    await syncDirectory(this.directory);
  }

  async #replace(expected: Iterable<string>): Promise<void> {
    await replaceOld(this.directory, this.working, this.reuse.contexts, this.#journal, (journal) => {
      this.#journal = journal;
    });
    await makeWritable(this.directory, this.reuse.contexts, expected);
  }

  /**
   * Removes everything that was made, unless a later restore can go on with it: if that is asked for, by the caller or the operator. And the word of what is in the directory stays where some of it
   * is of one store and some of another.
   * @returns whether it stays
   */
  async discard(keep = false): Promise<boolean> {
    return onDisk(`clearing ${this.directory}`, async () => {
      if (keep || this.reuse.resume || this.#journal.delta === "replacing") {
        // It is gone once everything is in place: then nothing is missing.
        if ((await inodeOf(this.working)) === undefined) return true;
        await writeJournal(this.working, { ...this.#journal, suspended: true });
        return true;
      }
      await removeWorking(this.directory, await this.#renameWorking(removingName(this.#journal.nonce)));
      if (this.created) await rmdir(this.directory);
      return false;
    });
  }

  /** Takes the working directory's name away, so that it is never seen without its journal. */
  async #renameWorking(name: string): Promise<string> {
    // A completion that was cut off by an error has begun this already.
    for (const from of [this.working, join(this.directory, spareName(this.#journal.nonce))])
      try {
        await rename(from, join(this.directory, name));
        break;
      } catch (error) {
        if (errorCode(error) !== "ENOENT") throw error;
      }
    return name;
  }
}

async function openDirectory(path: string): Promise<{ directory: string; created: boolean }> {
  const absolute = resolve(path);
  try {
    const directory = await realpath(absolute);
    if ((await stat(directory)).isDirectory()) {
      await refuseRepository(directory);
      return { directory, created: false };
    }
  } catch (error) {
    if (errorCode(error) !== "ENOENT" && errorCode(error) !== "ENOTDIR") throw error;
    const parent = await realpath(dirname(absolute)).catch(() => undefined);
    if (parent === undefined || !(await stat(parent)).isDirectory())
      throw new EngineError(
        "usage",
        `${dirname(absolute)} is not a directory`,
        `Make it first, or restore elsewhere.`,
      );
    const directory = join(parent, basename(absolute));
    const inThePlace = await lstat(directory).catch(undefinedIfAbsent);
    if (inThePlace?.isDirectory()) throw atTheSameMoment(absolute, error);
    if (inThePlace !== undefined)
      throw new EngineError(
        "usage",
        `${absolute} is a link that leads nowhere`,
        "Restore to a directory, or remove the link.",
      );
    await refuseRepository(directory);
    try {
      await mkdir(directory, { mode: DIRECTORY_MODE });
    } catch (failure) {
      if (errorCode(failure) === "EEXIST") throw atTheSameMoment(absolute, failure);
      throw failure;
    }
    await syncDirectory(parent);
    return { directory, created: true };
  }
  throw new EngineError(
    "usage",
    `${absolute} is not a directory`,
    "Restore to a directory that is empty or doesn't exist yet.",
  );
}

/** A store restored into a backup would be taken for a part of it. The path must be free of links. */
export async function refuseRepository(path: string): Promise<void> {
  for (let at = path; ; at = dirname(at)) {
    const text = await readFile(join(at, REPOSITORY_KEY), "utf8").catch(() => "");
    if (text.startsWith('{"axon-backup":'))
      throw new EngineError(
        "usage",
        `${path} is inside of ${at}, which is a backup itself`,
        "Restore to a directory outside of every sink.",
      );
    if (at === dirname(at)) return;
  }
}

/** Makes the working directory with its journal, under its name in one step. */
async function makeWorking(directory: string, journal: Journal): Promise<void> {
  const spare = join(directory, spareName(journal.nonce));
  await mkdir(spare, { mode: DIRECTORY_MODE });
  try {
    await mkdir(join(spare, "tree"), { mode: DIRECTORY_MODE });
    await writeJournal(spare, journal);
    await rename(spare, join(directory, WORKING));
    await syncDirectory(directory);
  } catch (error) {
    await rm(spare, { recursive: true, force: true });
    if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(errorCode(error) ?? "")) throw error;
    throw atTheSameMoment(directory, error);
  }
}

function atTheSameMoment(directory: string, error: unknown): EngineError {
  return new EngineError(
    "locked",
    `another restore began in ${directory} at the same moment`,
    "Wait for it, or restore elsewhere.",
    error,
  );
}

function undefinedIfAbsent(error: unknown): undefined {
  if (errorCode(error) !== "ENOENT") throw error;
}

async function requireFile(path: string, length: number): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile() && found.size === length) return;
  throw new EngineError(
    "failed",
    `${path} was written with ${length} bytes and ${found ? `has ${found.size}` : "is gone"}`,
    "Something else works in the target directory. Find out what, and restore to another one.",
  );
}

async function requireAbsent(path: string): Promise<void> {
  if ((await inodeOf(path)) === undefined) return;
  throw new EngineError(
    "failed",
    `${path} appeared while the restore was running`,
    "Find out what made it, and restore to another directory.",
  );
}

/** Contexts first: a directory with the control DB in it has everything. */
function controlDbLast(a: string, b: string): number {
  return Number(a.endsWith(".mv.db")) - Number(b.endsWith(".mv.db")) || (a < b ? -1 : 1);
}
