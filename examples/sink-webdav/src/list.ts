import type { Connection } from "./connection.js";
import { members, type Resource } from "./propfind.js";

/**
 * Every file whose path begins with `prefix`. Collection by collection: servers refuse `Depth: infinity`. Begins in the deepest
 * collection that all of them are in, and enters only those that can have one.
 */
export async function* list(
  connection: Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Resource, void, void> {
  // `a//` or `../a`: a server would tidy such a path up, and list something else.
  if (
    prefix
      .split("/")
      .slice(0, -1)
      .some((part) => part === "" || part.startsWith("."))
  )
    return;
  for await (const resource of walk(connection, prefix, signal))
    if (resource.path.startsWith(prefix)) yield resource;
}

/** The same with temporary files, and what else is there. */
export async function* walk(
  connection: Connection,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Resource, void, void> {
  const waiting = [prefix.slice(0, prefix.lastIndexOf("/") + 1)];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop())
    for await (const member of members(connection, connection.url(at), signal)) {
      // The collection itself; a file, when the prefix names one with a slash behind it.
      if (!member.path.startsWith(at) || member.path === at.slice(0, -1) || member.path === "") continue;
      if (!member.collection) yield member;
      else if (`${member.path}/`.startsWith(prefix) || prefix.startsWith(`${member.path}/`))
        waiting.push(`${member.path}/`);
    }
}
