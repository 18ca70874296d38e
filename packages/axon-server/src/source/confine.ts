import { realpath } from "node:fs/promises";

import { AxonServerError } from "../errors.js";
import { isWithin, whyNotInStorage } from "../files/path.js";
import { isErrno } from "./errno.js";

/** Which configuration names the roots. */
export type RootSetting = "server.storage" | "server.replication_logs";

/**
 * The directory that `directory` really is, links resolved, if the files of a context (or the log of a replication group) may be read from there.
 * @throws AxonServerError `refused` if it lies outside; system errors of resolving `directory` as they are.
 */
export async function confineDirectory(
  directory: string,
  context: string,
  storageRoots: readonly string[],
  setting: RootSetting = "server.storage",
): Promise<string> {
  const real = await realpath(directory);
  const what = setting === "server.storage" ? "context" : "replication group";
  const reason = whyNotInStorage(real, context, await realRoots(storageRoots, setting), what);
  if (reason === undefined) return real;
  throw refusedDirectory(directory, real, reason, setting);
}

/** Like `confineDirectory`, for backups of the control DB: anywhere if no roots are given. */
export async function confineControlDb(directory: string, roots: readonly string[]): Promise<string> {
  const real = await realpath(directory);
  if (roots.length === 0) return real;
  const resolved = await realRoots(roots, "server.control_db");
  if (resolved.some((root) => isWithin(real, root))) return real;
  throw refusedDirectory(directory, real, "outside of the control DB's directories", "server.control_db");
}

/** Roots may be links themselves: the operator says where they are. One that is missing confines nothing in, and is no reason to fail while others are there. */
async function realRoots(roots: readonly string[], setting: string): Promise<readonly string[]> {
  const resolved: string[] = [];
  for (const root of roots) {
    try {
      resolved.push(await realpath(root));
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    }
  }
  if (roots.length > 0 && resolved.length === 0)
    throw new AxonServerError(
      "configuration",
      `none of ${setting} is there: ${roots.join(", ")}`,
      `Check ${setting}, and that the file systems are mounted.`,
    );
  return resolved;
}

function refusedDirectory(directory: string, real: string, reason: string, setting: string): AxonServerError {
  const shown = directory === real ? directory : `${directory}, which is ${real},`;
  return new AxonServerError(
    "refused",
    `${shown} is ${reason}`,
    `Nothing was read. If that directory is the server's, name it in ${setting}.`,
  );
}

/** For how long, in milliseconds, what a directory really is is taken as found out. */
const RECENT_MS = 20;

/**
 * Remembers for a moment which directory each path really is: thousands of files of one directory are opened in a row, and resolving its path takes more
 * than opening one. Nothing is believed that wasn't before: between resolving and opening there always was a moment, and `openConfined` compares
 * the open file's path. Failures aren't remembered.
 */
export class RecentlyConfined {
  readonly #known = new Map<string, { readonly real: Promise<string>; readonly since: number }>();

  async confine(directory: string, context: string, resolve: () => Promise<string>): Promise<string> {
    const key = `${context}\0${directory}`;
    const now = performance.now();
    const known = this.#known.get(key);
    if (known !== undefined && now - known.since <= RECENT_MS) return known.real;
    const real = resolve();
    this.#known.set(key, { real, since: now });
    try {
      return await real;
    } catch (error) {
      this.#known.delete(key);
      throw error;
    }
  }
}
