import { access, constants, readdir, realpath, stat, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { EngineError } from "../errors.js";
import { errorCode, inside, onDisk } from "./disk.js";
import { type Journal, readJournal } from "./journal.js";
import { isAtWork, isIgnored, notEmpty, requireDead, WORKING } from "./leftovers.js";
import { requireOldStore, requireUnused } from "./old-store.js";
import type { PlannedFile, RestorePlan } from "./plan.js";
import { withRightLength } from "./planned-files.js";
import { refuseRepository } from "./target.js";

/** A directory to restore to, as it is; nothing was touched. */
export interface ExaminedTarget {
  /** Absolute. */
  readonly path: string;
  /** `interrupted`: a restore was cut off there, or is at work; `old store`: the contexts that are restored and a control DB are there, and nothing else. */
  readonly state: "absent" | "empty" | "interrupted" | "old store" | "in use";
  /** Bytes free on its disk; null when that can't be told. */
  readonly freeBytes: number | null;
  /** Why a restore to it would be refused; undefined when it wouldn't, as far as can be told without touching anything. */
  readonly problem: EngineError | undefined;
}

/** What a restore would use of what lies in its target. */
export interface TargetUse {
  readonly resume: boolean;
  readonly delta: boolean;
}

export interface Examined {
  readonly target: ExaminedTarget;
  /** Files that are there with the right length, and stay if their content is right, too. None without `resume` and `delta`. */
  readonly present: readonly PlannedFile[];
}

/**
 * Looks at a directory, and whether a plan could be restored to it.
 * @throws EngineError `failed` when it can't be looked at
 */
export async function examineTarget(target: string, plan: RestorePlan, use: TargetUse): Promise<Examined> {
  const path = resolve(target);
  return onDisk(`looking at ${path}`, async () => {
    const found = await lookAt(path, plan, use);
    const places = found.problem ? [] : found.places;
    const present =
      places.length === 0
        ? []
        : await withRightLength(plan, (context, file) =>
            places.map((place) => inside(inside(place, context), file)),
          );
    // What is there already needs no room.
    const bytes = present.reduce((rest, file) => rest - file.bytes, plan.bytes);
    const existing = found.state === "absent" ? dirname(path) : path;
    const freeBytes = await freeOn(existing);
    const problem =
      found.problem ??
      (await problemOf(async () => refuseRepository(await realpath(existing)))) ??
      (await problemOf(() => requireWritable(existing))) ??
      (freeBytes !== null && freeBytes < bytes ? tooSmall(path, freeBytes, bytes) : undefined);
    return { target: { path, state: found.state, freeBytes, problem }, present };
  });
}

interface Found {
  readonly state: ExaminedTarget["state"];
  readonly problem?: EngineError | undefined;
  /** Where files may be that would be used. */
  readonly places: readonly string[];
}

async function lookAt(path: string, plan: RestorePlan, use: TargetUse): Promise<Found> {
  let names: string[];
  try {
    names = (await readdir(path)).filter((name) => !isIgnored(name));
  } catch (error) {
    if (errorCode(error) === "ENOTDIR") return { state: "in use", problem: noDirectory(path), places: [] };
    if (errorCode(error) !== "ENOENT") throw error;
    const hasParent = await stat(dirname(path)).then(
      (parent) => parent.isDirectory(),
      () => false,
    );
    return { state: "absent", ...(!hasParent && { problem: noDirectory(dirname(path)) }), places: [] };
  }
  if (names.length === 0) return { state: "empty", places: [] };
  const others = names.filter((name) => !name.startsWith(WORKING));
  const contexts = new Set(plan.contexts.map(({ name }) => name));
  const foreign = await problemOf(() => requireOldStore(path, others, contexts));
  if (others.length < names.length) return lookAtLeftovers(path, names, foreign, use);
  const state = foreign ? "in use" : "old store";
  if (!use.delta) return { state, problem: notEmpty(path, others[0] ?? ""), places: [] };
  return { state, problem: foreign ?? (await problemOf(() => requireUnused(path))), places: [path] };
}

/** Where a restore was cut off, or is at work. */
async function lookAtLeftovers(
  path: string,
  names: readonly string[],
  foreign: EngineError | undefined,
  { resume, delta }: TargetUse,
): Promise<Found> {
  const state = "interrupted";
  const journals: Journal[] = [];
  const places: string[] = [];
  for (const name of names.filter((other) => other.startsWith(WORKING)).sort()) {
    const journal = await journalIn(join(path, name));
    if (!journal) continue;
    journals.push(journal);
    if (isAtWork(name)) places.push(join(path, name, "tree"));
  }
  const locked = await problemOf(() => {
    for (const journal of journals) requireDead(path, journal);
    return Promise.resolve();
  });
  if (locked || (!resume && !delta)) return { state, problem: locked, places: [] };
  const isDelta =
    delta ||
    journals.some((journal) => journal.delta !== undefined) ||
    names.some((name) => !name.startsWith(WORKING));
  if (!isDelta) return { state, places };
  return {
    state,
    problem: foreign ?? (await problemOf(() => requireUnused(path))),
    places: [...places, path],
  };
}

/** What isn't one, a restore finds out. */
async function journalIn(directory: string): Promise<Journal | undefined> {
  try {
    return await readJournal(directory);
  } catch {
    return undefined;
  }
}

async function freeOn(directory: string): Promise<number | null> {
  try {
    const { bavail, bfree, bsize } = await statfs(directory);
    return (process.getuid?.() === 0 ? bfree : bavail) * bsize;
  } catch {
    // Of a directory that isn't there, something else is said.
    return null;
  }
}

async function requireWritable(directory: string): Promise<void> {
  await onDisk(`writing to ${directory}`, () => access(directory, constants.W_OK | constants.X_OK));
}

/** What a check has to say against it. */
async function problemOf(check: () => Promise<void>): Promise<EngineError | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
}

function noDirectory(path: string): EngineError {
  return new EngineError("usage", `${path} is not a directory`, "Make it first, or restore elsewhere.");
}

function tooSmall(path: string, free: number, bytes: number): EngineError {
  return new EngineError(
    "failed",
    `${path} has ${free} bytes free, and the restore needs ${bytes}`,
    "Make room there, or restore to another disk.",
  );
}
