import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { type Standin, type StandinOptions, startStandin } from "@axon-backup/axon-server-standin";

/** The recorded answers and files of real servers. */
export const FIXTURES = fileURLToPath(new URL("../../../test/fixtures/", import.meta.url));

const cleanups: (() => void | Promise<void>)[] = [];

/** Has something undone after the test. */
export function undo(cleanup: () => void | Promise<void>): void {
  cleanups.push(cleanup);
}

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "axon-server-standin-"));
  cleanups.push(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** A stand-in that is closed after the test; its storage is a new `data` directory, unless given. */
export async function start(options: Partial<StandinOptions> = {}): Promise<Standin> {
  const storage = options.storage ?? join(temporaryDirectory(), "data");
  const standin = await startStandin({
    generation: "2023.2",
    handoverInterval: "manual",
    ...options,
    storage,
  });
  cleanups.push(() => standin.close());
  return standin;
}

/** Undoes what the test set up, last first. */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** What `GET /v1/backup/eventstore` answers. */
export interface EventstoreListing {
  readonly lastClosedSegment: number;
  readonly filenames: readonly string[];
}

export async function listEvents(standin: Standin, cursor?: number): Promise<EventstoreListing> {
  const after = cursor === undefined ? "" : `&lastClosedSegmentBackedUp=${cursor}`;
  const response = await fetch(
    `${standin.url}/v1/backup/eventstore?type=EVENT&targetContext=default${after}`,
  );
  return (await response.json()) as EventstoreListing;
}

/** The last parts of paths. */
export function names(paths: readonly string[]): string[] {
  return paths.map((path) => path.slice(path.lastIndexOf("/") + 1));
}
