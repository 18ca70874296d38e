import { isLogIndex, type LogIndex } from "./log-index.js";

/** A log entry segment, `%020d.log`. */
export interface LogSegmentName {
  readonly kind: "log-segment";
  /** The whole file name, as the server has it. */
  readonly name: string;
  /** The index of its first entry. */
  readonly first: LogIndex;
}

/** The index file of a completed log entry segment, `%020d.index`. */
export interface LogIndexName {
  readonly kind: "log-index";
  readonly name: string;
  readonly first: LogIndex;
}

/** A file of a replication group's directory that a backup may touch. */
export type LogFileName = LogSegmentName | LogIndexName;

const NAME = /^(\d{20})\.(log|index)$/;
const LENGTH = 26;

type Parsed =
  { readonly ok: true; readonly name: LogFileName } | { readonly ok: false; readonly reason: string };

function parse(name: string): Parsed {
  if (name.length > LENGTH) return { ok: false, reason: "longer than any name that Axon Server gives" };
  const match = NAME.exec(name);
  if (match === null) return { ok: false, reason: "not a name of a log entry segment or of its index file" };
  const first = Number(match[1]);
  if (!isLogIndex(first)) return { ok: false, reason: "a number that is not from 1 to 2^53 - 1" };
  return { ok: true, name: { kind: match[2] === "log" ? "log-segment" : "log-index", name, first } };
}

/** The file name `name` as one of a replication group; undefined if it isn't of the grammar of docs/axon-server.md, section 7. */
export function parseLogFileName(name: string): LogFileName | undefined {
  const result = parse(name);
  return result.ok ? result.name : undefined;
}

/** Why `parseLogFileName` refuses `name`, to stand behind "… is "; undefined if it doesn't. */
export function whyNoLogFileName(name: string): string | undefined {
  const result = parse(name);
  return result.ok ? undefined : result.reason;
}

/** The file name that the server gives to a log entry segment, or to its index file. */
export function logFileName(first: LogIndex, extension: "log" | "index" = "log"): string {
  return `${String(first).padStart(20, "0")}.${extension}`;
}

/** Order of files: by first entry, the segment before its index file. */
export function compareLogFiles(a: LogFileName, b: LogFileName): number {
  return a.first - b.first || Number(a.kind === "log-index") - Number(b.kind === "log-index");
}
