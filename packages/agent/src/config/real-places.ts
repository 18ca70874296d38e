import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** A mount that hangs holds a command up for so long, in milliseconds; its path counts as it is written then. */
const PATIENCE = 2000;

/** Where paths lead, with links followed as far as there is anything: what isn't there yet is made below its nearest ancestor. */
export async function realPlaces(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const over = new AbortController();
  const late = setTimeout(PATIENCE, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return new Map(
      await Promise.all(
        paths.map(async (path): Promise<[string, string]> => [
          path,
          (await Promise.race([realPlace(path), late])) ?? path,
        ]),
      ),
    );
  } finally {
    over.abort();
  }
}

async function realPlace(path: string): Promise<string> {
  let rest = "";
  for (let at = path; ; at = dirname(at)) {
    try {
      return join(await realpath(at), rest);
    } catch {
      // Not there, or not ours to look at: whoever uses it says so.
      if (at === dirname(at)) return path;
      rest = join(basename(at), rest);
    }
  }
}
