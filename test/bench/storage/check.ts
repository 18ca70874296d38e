import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { contentOf, filesBelow, type Store } from "../workshop.js";
import { describeContent } from "../report.js";
import type { Place } from "./model.js";

/** What a tool may save by compressing random payloads. */
const LEAST = 0.9;

/**
 * What a tool has stored, in words: a fast tool that leaves something out is no winner.
 * @throws Error when it can't be everything
 */
export async function expectStored(name: string, place: Place, store: Store): Promise<string> {
  const found = { files: 0, bytes: 0 };
  const sink = await place.open("read");
  try {
    for await (const { size } of sink.list("")) {
      found.files++;
      found.bytes += size;
    }
  } finally {
    await sink.close();
  }
  if (found.bytes < store.bytes * LEAST || (name !== "restic" && found.files < store.files))
    throw new Error(`${name} has stored ${describeContent(found)}, not ${describeContent(store)}`);
  return describeContent(found);
}

/** @throws Error when it isn't everything */
export function expectRestored(name: string, directory: string, store: Store): void {
  const found = contentOf(directory);
  if (found.bytes < store.bytes || found.files < store.files)
    throw new Error(`${name} has restored ${describeContent(found)}, not ${describeContent(store)}`);
}

/** As `expectRestored`, byte for byte. */
export function expectSame(name: string, directory: string, store: Store): void {
  const restored = new Map(filesBelow(directory).map((path) => [basename(path), path]));
  for (const path of filesBelow(store.data)) {
    const other = restored.get(basename(path));
    // The server writes on to the open segment's file: of what there was, nothing may differ.
    if (other === undefined || !readFileSync(path).equals(readFileSync(other)))
      throw new Error(`${name} has restored ${path} with other bytes, or not at all`);
  }
}
