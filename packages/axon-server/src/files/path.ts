/** A server's prefix and where this machine has it: `/axonserver/events` there is `/mnt/events` here. */
export interface PathMapping {
  readonly server: string;
  readonly local: string;
}

/** A path, or why it isn't one that may be used. */
export type PathResult =
  { readonly ok: true; readonly path: string } | { readonly ok: false; readonly reason: string };

/** Linux's PATH_MAX, which counts the ending NUL. */
const MAX_PATH_BYTES = 4095;

/** Control characters, lone surrogates (no file name has them as they are), line separators, backslashes. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u2028\u2029\\]/u;

/**
 * `text` without `//` and `/./`. Refused: relative paths, `..` anywhere, control characters (newline, NUL), backslashes, a slash or
 * `/.` at the end, more than 4,095 bytes. Purely by the text: no file is touched.
 */
export function normalisePath(text: string): PathResult {
  if (!text.startsWith("/")) return { ok: false, reason: "not an absolute path" };
  if (text.length > MAX_PATH_BYTES || Buffer.byteLength(text) > MAX_PATH_BYTES)
    return { ok: false, reason: `longer than ${MAX_PATH_BYTES} bytes` };
  if (FORBIDDEN.test(text)) return { ok: false, reason: "it has control characters or backslashes" };
  const parts = text.split("/");
  if (parts.includes("..")) return { ok: false, reason: "it has `..` in it" };
  const last = parts.at(-1);
  if (last === "" || last === ".") return { ok: false, reason: "it doesn't end in a name" };
  return { ok: true, path: `/${parts.filter((part) => part !== "" && part !== ".").join("/")}` };
}

/** Like `normalisePath`, for a directory that an operator writes: slashes at the end are fine. `/` itself is refused. */
export function normaliseDirectory(text: string): PathResult {
  return normalisePath(text.replace(/\/+$/, ""));
}

/** Whether `path` is `directory` or lies below it, by whole components. Both must be normalised. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

/** `path` as this machine has it: by the longest server prefix that fits; unchanged if none does. All normalised. */
export function mapPath(path: string, mappings: readonly PathMapping[]): string {
  let best: PathMapping | undefined;
  for (const mapping of mappings)
    if (isWithin(path, mapping.server) && (best === undefined || mapping.server.length > best.server.length))
      best = mapping;
  return best === undefined ? path : best.local + path.slice(best.server.length);
}

/** The last component. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** All but the last component; `/` for a file in the root directory. */
export function directoryName(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/**
 * Why a context's file (or a replication group's) may not be read from `directory`; undefined if it may. With storage roots it must be one of them or below;
 * without any it must have the context's (the group's) name. Used on what the server lists, and again on what the links in it resolve to.
 */
export function whyNotInStorage(
  directory: string,
  context: string,
  storageRoots: readonly string[],
  what: "context" | "replication group" = "context",
): string | undefined {
  if (storageRoots.length > 0)
    return storageRoots.some((root) => isWithin(directory, root))
      ? undefined
      : `outside of the ${what === "context" ? "storage" : "log"} roots`;
  return baseName(directory) === context ? undefined : `not directly in a directory named after its ${what}`;
}
