import { AxonServerError } from "../errors.js";
import { baseName, directoryName, mapPath, normalisePath, whyNotInStorage } from "../files/path.js";
import {
  compareLogFiles,
  type LogFileName,
  type LogIndexName,
  type LogSegmentName,
  parseLogFileName,
  whyNoLogFileName,
} from "../log/log-file-name.js";
import { quote } from "../text.js";
import { MAX_ENTRIES } from "./listed-files.js";
import type { Storage } from "./options.js";
import type { LogFile, LogListing } from "./types.js";

/** What a listing of a replication group's log is checked against. */
export interface LogRules {
  readonly group: string;
  readonly storage: Pick<Storage, "logRoots" | "mappings">;
  /** The cluster's other groups, as far as they are known: a directory named after one of them is not this one's. */
  readonly otherGroups: ReadonlySet<string>;
}

/** A server's list of paths, checked. */
export interface ListedLogs {
  /** The one directory that all files are in, where this machine has it; undefined for an empty list. */
  readonly directory: string | undefined;
  /** Each once, sorted. */
  readonly names: readonly LogFileName[];
}

/**
 * A server's list of paths of a group's log: normalised, mapped, confined, each once. Nothing is opened.
 * @throws AxonServerError `refused` if a single entry isn't what it must be; `unexpected` if they lie in several directories, or are too many.
 */
export function checkLogListing(paths: readonly string[], rules: LogRules): ListedLogs {
  if (paths.length > MAX_ENTRIES)
    throw new AxonServerError(
      "unexpected",
      `${describe(rules)}: the server lists ${paths.length} files, more than the ${MAX_ENTRIES} that can be`,
      "Check that server.url is an Axon Server's.",
    );
  const names = new Map<string, LogFileName>();
  let directory: string | undefined;
  for (const listed of paths) {
    const { name, local } = checkEntry(listed, rules);
    directory ??= local;
    if (local !== directory)
      throw new AxonServerError(
        "unexpected",
        `${describe(rules)} has files in two directories: ${quote(directory)} and ${quote(local)}`,
        "Axon Server has a group's log in one. Check server.paths; if they are right, please report this answer.",
      );
    names.set(name.name, name);
  }
  return { directory, names: [...names.values()].sort(compareLogFiles) };
}

function checkEntry(listed: string, rules: LogRules): { readonly name: LogFileName; readonly local: string } {
  const text = listed.slice(listed.lastIndexOf("/") + 1);
  const name = parseLogFileName(text);
  if (name === undefined) throw refuse(listed, whyNoLogFileName(text) ?? "unknown name", rules);
  const normalised = normalisePath(listed);
  if (!normalised.ok) throw refuse(listed, normalised.reason, rules);
  const local = mapPath(directoryName(normalised.path), rules.storage.mappings);
  const outside = whyNotInStorage(local, rules.group, rules.storage.logRoots, "replication group");
  if (outside !== undefined) throw refuse(listed, outside, rules);
  if (rules.otherGroups.has(baseName(local)))
    throw refuse(listed, "in the directory of another replication group", rules);
  return { name, local };
}

/**
 * The set that a backup needs, of what the server lists and what its directory has: the listed segments, and all that the directory has from the first of them on. The current one is not listed by
 * servers before EE 4.5.17, nor are those that were completed a moment ago. Files in front of the first listed one are no part of the log any more.
 * @param present what the directory has; sorted. Read after the list was got, so that nothing falls in between.
 * @returns undefined if a listed segment isn't there that has one in front of it, or none of them is: then both have to be had anew.
 */
export function planLogs(
  listed: readonly LogFileName[],
  present: readonly LogFileName[],
  place: { readonly group: string; readonly directory: string },
): LogListing | undefined {
  const first = listed.find(isSegment)?.first ?? 0;
  const segments = present.filter(isSegment).filter((name) => name.first >= first);
  const [firstPresent] = segments;
  const current = segments.at(-1);
  if (firstPresent === undefined || current === undefined) return undefined;
  const here = new Set(present.map(({ name }) => name));
  // The index of the current one doesn't count, whether it is listed or not.
  const absent = listed.filter(
    (name) => !here.has(name.name) && (isSegment(name) || name.first < current.first),
  );
  const listedSegments = listed.filter(isSegment);
  const gone = absent.filter(isSegment);
  if (gone.some((name) => name.first > firstPresent.first)) return undefined;
  if (gone.length > 0 && gone.length === listedSegments.length) return undefined;
  const at = <Name extends LogFileName>(name: Name): LogFile<Name> => ({
    name,
    path: `${place.directory}/${name.name}`,
    group: place.group,
  });
  return {
    group: place.group,
    segments: segments.map(at),
    indexes: present
      .filter(isIndex)
      .filter((name) => name.first >= firstPresent.first && name.first < current.first)
      .map(at),
    missing: absent.map(({ name }) => name),
  };
}

const isSegment = (name: LogFileName): name is LogSegmentName => name.kind === "log-segment";
const isIndex = (name: LogFileName): name is LogIndexName => name.kind === "log-index";

/**
 * `open` may be called with anything: what a listing promises is checked again.
 * @throws AxonServerError `refused`
 */
export function refuseUnlessLog({ name, path, group }: LogFile, logRoots: readonly string[]): void {
  const normalised = normalisePath(path);
  const problem = !normalised.ok
    ? normalised.reason
    : normalised.path !== path || baseName(path) !== name.name
      ? "not a path that the listing gave"
      : (whyNoLogFileName(name.name) ??
        whyNotInStorage(directoryName(path), group, logRoots, "replication group"));
  if (problem === undefined) return;
  throw new AxonServerError(
    "refused",
    `${quote(path)}: ${problem}`,
    "Nothing was read. Name the directories of the replication logs in server.replication_logs.",
  );
}

function describe(rules: LogRules): string {
  return `the listing of the log of the replication group ${quote(rules.group)}`;
}

function refuse(listed: string, reason: string, rules: LogRules): AxonServerError {
  return new AxonServerError(
    "refused",
    `${describe(rules)} has ${quote(listed)}: ${reason}`,
    "Nothing was read. If the file is the server's, name the directory of its replication logs in server.replication_logs, or map it with server.paths. If not, find out who changed the server.",
  );
}
