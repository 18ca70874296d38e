import { verify, wrapSink } from "@axon-backup/core";
import { isSinkError, readAll } from "@axon-backup/sink";
import { type Place, withSink } from "./storage.js";

/** The keys below a prefix, sorted; none when the sink's directory isn't made yet. */
export async function keysIn(place: Place, prefix = ""): Promise<readonly string[]> {
  try {
    return await withSink(place, "read", async (sink) => {
      const keys: string[] = [];
      for await (const { key } of sink.list(prefix)) keys.push(key);
      return keys.sort();
    });
  } catch (error) {
    if (isSinkError(error, "not-found")) return [];
    throw error;
  }
}

/** The restore points that are committed, oldest first. */
export async function restorePointsIn(place: Place): Promise<readonly string[]> {
  const keys = await keysIn(place, "restore-points/");
  return keys.flatMap((key) => /^restore-points\/([^/]+)\.json$/.exec(key)?.[1] ?? []);
}

/** Throws, with the findings, unless every restore point has every byte. Reads in this process, and leaves no marks. */
export async function expectVerifiedIn(place: Place, when: string): Promise<void> {
  if ((await restorePointsIn(place)).length === 0) return;
  const { findings } = await withSink(place, "read", (sink) =>
    // As the engine uses a sink: a server may close a connection that it thought idle.
    verify({ sink: wrapSink(sink), name: "direct", readData: true, mark: false }),
  );
  if (findings.length > 0)
    throw new Error(`${when}: ${findings.map(({ key, finding }) => `${key} ${finding}`).join("\n")}`);
}

/** Every object, by its key. */
export function objectsIn(place: Place): Promise<ReadonlyMap<string, Buffer>> {
  return withSink(place, "read", async (sink) => {
    const objects = new Map<string, Buffer>();
    for await (const { key } of sink.list("")) objects.set(key, Buffer.from(await readAll(sink.get(key))));
    return objects;
  });
}
