import { opendir } from "node:fs/promises";

import { AxonServerError } from "../errors.js";
import { compareLogFiles, type LogFileName, parseLogFileName } from "../log/log-file-name.js";
import { confineDirectory } from "./confine.js";
import { isErrno } from "./errno.js";
import { fileError } from "./file-errors.js";
import { checkLogListing, type LogRules, planLogs } from "./listed-logs.js";
import type { LogListing } from "./types.js";

/** Listings in all before a file that isn't there is called missing. */
const LISTINGS = 3;

/**
 * The log entry segments of a replication group, by the server's list and by what its directory has. A list that has a file that isn't there any more (they are cleaned up) is got anew.
 * @param ask gets the server's list
 * @throws AxonServerError `refused`, `unexpected`, `configuration` (the directory isn't here, or can't be found), `vanished`, `unreadable`; what `ask` throws
 */
export async function listLogs(
  rules: LogRules,
  ask: () => Promise<readonly string[]>,
  signal?: AbortSignal,
): Promise<LogListing> {
  for (let listing = 1; ; listing++) {
    const listed = checkLogListing(await ask(), rules);
    const found =
      listed.directory === undefined
        ? await findUnlisted(rules, signal)
        : await readListed(listed.directory, rules, signal);
    const logs = planLogs(listed.names, found.present, { group: rules.group, directory: found.directory });
    if (logs !== undefined) return logs;
    if (listing < LISTINGS) continue;
    const here = new Set(found.present.map(({ name }) => name));
    const absent = listed.names.filter(({ kind, name }) => kind === "log-segment" && !here.has(name));
    throw missing(rules, found.directory, absent);
  }
}

interface Found {
  readonly directory: string;
  /** Sorted. */
  readonly present: readonly LogFileName[];
}

async function readListed(
  directory: string,
  rules: LogRules,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const present = await readDirectory(directory, rules, signal);
  if (present !== undefined) return { directory, present };
  throw new AxonServerError(
    "configuration",
    `the server has the log of the replication group ${rules.group} in ${directory}, which isn't on this machine`,
    "Map the server's directory to this machine's with server.paths, or check that it is mounted.",
  );
}

/** A young group has completed no segment: the list is empty, and only configuration tells where its log is. */
async function findUnlisted(rules: LogRules, signal: AbortSignal | undefined): Promise<Found> {
  const found: Found[] = [];
  for (const root of rules.storage.logRoots) {
    const directory = `${root}/${rules.group}`;
    const present = await readDirectory(directory, rules, signal);
    if (present?.some(({ kind }) => kind === "log-segment")) found.push({ directory, present });
  }
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  if (first !== undefined && second !== undefined)
    throw new AxonServerError(
      "configuration",
      `the replication group ${rules.group} has a log in ${first.directory} and in ${second.directory}`,
      "Leave only the one that this node writes to in server.replication_logs.",
    );
  const setting = "server.replication_logs";
  throw new AxonServerError(
    "configuration",
    `the server has completed no log entry segment of the replication group ${rules.group} yet, so it doesn't tell where the current one is, and ${rules.storage.logRoots.length === 0 ? `${setting} isn't set` : `there is none in ${rules.storage.logRoots.map((root) => `${root}/${rules.group}`).join(", ")}`}`,
    `Set ${setting} to the directory that holds the groups' directories (axoniq.axonserver.replication.log-storage-folder of the server), as this machine has it.`,
  );
}

/**
 * What a group's directory has; undefined if it isn't there. A directory that changes while it is read may show a new file and hide one that is a little older; so it is read twice:
 * whatever the first reading shows existed, with all before it, when the second began.
 */
async function readDirectory(
  directory: string,
  rules: LogRules,
  signal: AbortSignal | undefined,
): Promise<readonly LogFileName[] | undefined> {
  try {
    const real = await confineDirectory(
      directory,
      rules.group,
      rules.storage.logRoots,
      "server.replication_logs",
    );
    const newest = (await readNames(real, signal)).at(-1);
    if (newest === undefined) return [];
    const second = await readNames(real, signal);
    return second.filter(({ first }) => first <= newest.first);
  } catch (error) {
    signal?.throwIfAborted();
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error instanceof AxonServerError ? error : await fileError(directory, error);
  }
}

async function readNames(real: string, signal: AbortSignal | undefined): Promise<readonly LogFileName[]> {
  const names: LogFileName[] = [];
  for await (const entry of await opendir(real, { bufferSize: 1024 })) {
    signal?.throwIfAborted();
    const name = parseLogFileName(entry.name);
    if (name !== undefined) names.push(name);
  }
  return names.sort(compareLogFiles);
}

function missing(rules: LogRules, directory: string, absent: readonly LogFileName[]): AxonServerError {
  const [first] = absent;
  const what =
    first === undefined
      ? `no log entry segment of the replication group ${rules.group} is in ${directory}`
      : `${directory}/${first.name} is not there, though the server lists it each time (${absent.length} such files in all)`;
  return new AxonServerError(
    "vanished",
    what,
    "Check that this is the node's own log directory (server.paths, server.replication_logs), and look at the server's log.",
  );
}
