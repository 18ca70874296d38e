import {
  ELSEWHERE_MS,
  type LeftoverOptions,
  newTempName,
  parseTempName,
  writerState,
} from "@axon-backup/sink";
import { type Tools, withFiles } from "./call.js";
import type { Files } from "./files.js";
import { remove, removeOrphans } from "./put.js";
import { type FoundFile, walk } from "./walk.js";

/** Removes the temporary files of writers that are dead, in the whole sink. Resolves with their number. */
export function removeLeftoverFiles(
  tools: Tools,
  { signal, others = () => false }: LeftoverOptions = {},
): Promise<number> {
  const { root, own } = tools;
  return withFiles(tools, signal, async (files) => {
    await root.check(files);
    let removed = await removeOrphans(tools, files);
    let clock: Promise<number> | undefined;
    const serverTime = (): Promise<number> => (clock ??= serverClock(files, root.path));
    for await (const file of walk(files, root.path === "" ? "/" : root.path, ""))
      if (
        !own.has(file.path) &&
        (await isLeftover(file, others, serverTime)) &&
        (await remove(files, file.path))
      )
        removed++;
    return removed;
  });
}

async function isLeftover(
  { name, key, stats }: FoundFile,
  others: (place: string) => boolean,
  serverTime: () => Promise<number>,
): Promise<boolean> {
  const writer = parseTempName(name);
  if (writer === undefined) return false;
  if (others(key.slice(0, -name.length))) return true;
  const state = writerState(writer);
  if (state !== "elsewhere") return state === "dead";
  return (await serverTime()) - stats.mtime * 1000 > ELSEWHERE_MS;
}

/** The time by the clock that the server stamps files with. */
async function serverClock(files: Files, dir: string): Promise<number> {
  const file = await files.open(`${dir}/${newTempName()}`, "wx", 0o600);
  try {
    return (await files.fstat(file)).mtime * 1000;
  } finally {
    await files.close(file);
    await remove(files, file.path);
  }
}
