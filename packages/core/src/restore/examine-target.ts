import { readdir, realpath, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { EngineError } from "../errors.js";
import { errorCode, onDisk } from "./disk.js";
import { isIgnored, notEmpty, WORKING } from "./leftovers.js";
import { refuseRepository } from "./target.js";

/** A directory to restore to, as it is; nothing was touched. */
export interface ExaminedTarget {
  /** Absolute. */
  readonly path: string;
  /** `interrupted`: a restore was cut off there. */
  readonly state: "absent" | "empty" | "interrupted" | "in use";
  /** Bytes free on its disk; null when that can't be told. */
  readonly freeBytes: number | null;
  /** Why a restore to it would be refused; undefined when it wouldn't, as far as can be told without touching anything. */
  readonly problem: EngineError | undefined;
}

/**
 * Looks at a directory, and whether so many bytes could be restored to it.
 * @param mayHoldStore whether an old store in it would be taken
 * @throws EngineError `failed` when it can't be looked at
 */
export async function examineTarget(
  target: string,
  bytes: number,
  mayHoldStore: boolean,
): Promise<ExaminedTarget> {
  const path = resolve(target);
  return onDisk(`looking at ${path}`, async () => {
    const found = await lookAt(path);
    const existing = found.state === "absent" ? dirname(path) : path;
    const freeBytes = await freeOn(existing);
    const problem =
      found.problem ??
      (found.state === "in use" && !mayHoldStore ? notEmpty(path, found.entry ?? "") : undefined) ??
      (await whyRepository(existing)) ??
      (freeBytes !== null && freeBytes < bytes ? tooSmall(path, freeBytes, bytes) : undefined);
    return { path, state: found.state, freeBytes, problem };
  });
}

interface Found {
  readonly state: ExaminedTarget["state"];
  readonly entry?: string | undefined;
  readonly problem?: EngineError;
}

async function lookAt(path: string): Promise<Found> {
  let names: string[];
  try {
    names = (await readdir(path)).filter((name) => !isIgnored(name));
  } catch (error) {
    if (errorCode(error) === "ENOTDIR") return { state: "in use", problem: noDirectory(path) };
    if (errorCode(error) !== "ENOENT") throw error;
    const hasParent = await stat(dirname(path)).then(
      (parent) => parent.isDirectory(),
      () => false,
    );
    return { state: "absent", ...(!hasParent && { problem: noDirectory(dirname(path)) }) };
  }
  if (names.some((name) => name.startsWith(WORKING))) return { state: "interrupted" };
  return names.length === 0 ? { state: "empty" } : { state: "in use", entry: names[0] };
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

async function whyRepository(existing: string): Promise<EngineError | undefined> {
  try {
    await refuseRepository(await realpath(existing));
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
