import { readFile } from "node:fs/promises";
import { formatCount } from "../output/units.js";
import { type CheckRow, ok, warning } from "./types.js";

/** Standard streams, modules, the event loop, connections to the server. */
const BASE = 64;
/** An object under way: the server's file, a temporary file and its directory or a connection. */
const PER_CONNECTION = 4;

/** How many files may be open at a time, and how many that needs to be. @param connections of each sink */
export async function openFileRows(connections: readonly number[]): Promise<readonly CheckRow[]> {
  const limit = openFileLimit(await limits());
  // Where there is no /proc, nothing is known of it.
  return limit === undefined ? [] : [openFileRow(limit, connections)];
}

/** The row for a limit. */
export function openFileRow(limit: number, connections: readonly number[]): CheckRow {
  const needed = connections.reduce((sum, each) => sum + PER_CONNECTION * each, BASE);
  const allowed = limit === Infinity ? "any number of files" : `${formatCount(limit)} files`;
  const detail = `${allowed} may be open at a time; a backup has up to ${formatCount(needed)}`;
  if (limit >= needed) return ok("open files", "", detail);
  return warning(
    "open files",
    "",
    detail,
    `Raise the limit: LimitNOFILE=${Math.max(4096, needed)} in the systemd unit, or ulimit -n. Or set fewer connections in the sinks' files.`,
  );
}

/** The limit in the text of /proc/self/limits; undefined if it isn't there. The soft one: Node raises that to the hard one when it starts. */
export function openFileLimit(text: string): number | undefined {
  const [, soft] = /^Max open files\s+(\d+|unlimited)\s/m.exec(text) ?? [];
  return soft === undefined ? undefined : soft === "unlimited" ? Infinity : Number(soft);
}

async function limits(): Promise<string> {
  try {
    return await readFile("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}
