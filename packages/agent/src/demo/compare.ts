import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inspectStore } from "@axon-backup/axon-server-standin";
import { DemoFailure } from "./failure.js";

/** How much was compared. */
export interface Comparison {
  readonly files: number;
  readonly bytes: number;
}

/**
 * Compares a restored directory of a context with the server's, byte by byte: every segment of the server is there, and everything that is
 * there is as on the server.
 * @throws DemoFailure at the first difference
 */
export function compareFiles(server: string, restored: string): Comparison {
  const names = readdirSync(restored);
  for (const name of readdirSync(server))
    if (/\.(events|snapshots)$/.test(name) && !names.includes(name))
      throw new DemoFailure(`${name} was not restored`);
  let bytes = 0;
  for (const name of names) {
    const content = readFileSync(join(restored, name));
    if (!content.equals(readFileSync(join(server, name))))
      throw new DemoFailure(`${name} differs from the server's`);
    bytes += content.length;
  }
  return { files: names.length, bytes };
}

/**
 * Compares events (or snapshots) and their tokens, read from the segments by a reader that shares no code with the backup's.
 * @returns how many there are in the restored directory
 * @throws DemoFailure when one differs, or the restored ones are not exactly the first ones of the server, up to `last` at least
 */
export function compareEvents(
  server: string,
  restored: string,
  store: "events" | "snapshots",
  last: number,
): number {
  const [theirs, ours] = [readAll(server, store), readAll(restored, store)];
  for (const [token, hash] of ours.entries())
    if (theirs[token] !== hash) throw new DemoFailure(`${store}: token ${token} differs from the server's`);
  if (ours.length <= last)
    throw new DemoFailure(`${store}: the last token is ${ours.length - 1}, and ${last} was wanted`);
  return ours.length;
}

/** The hash of each event, in the order of their tokens, which begin at 0. */
function readAll(directory: string, store: "events" | "snapshots"): readonly string[] {
  const hashes: string[] = [];
  inspectStore(directory, store, ({ events }) => {
    for (const event of events) hashes.push(createHash("sha256").update(event).digest("hex"));
  });
  return hashes;
}
