import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The names of temporary files below a directory, relative to it: whatever begins as one, whoever made it. */
export async function temporaryFiles(directory: string): Promise<readonly string[]> {
  return (await readdir(directory, { recursive: true })).filter((name) => /(^|\/)\.tmp-/.test(name));
}

/**
 * Leaves three temporary files in a directory that nobody writes to: of another machine, untouched for 23 hours; the same, for 25 hours; and an old one that no sink of ours has
 * made. The second alone is a leftover.
 */
export async function leaveTemporaryFiles(directory: string): Promise<void> {
  const ages: Readonly<Record<string, number>> = {
    ".tmp-000000000000-1-5-00000000000000ab": 23,
    ".tmp-000000000000-2-5-00000000000000ab": 25,
    ".tmp-by-someone-else": 1000,
  };
  for (const [name, hours] of Object.entries(ages)) {
    const path = join(directory, name);
    const time = new Date(Date.now() - hours * 3_600_000);
    await writeFile(path, "x");
    await utimes(path, time, time);
  }
}

/** Runs `body` with a new directory that is removed afterwards. */
export async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "axon-backup-sink-"));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
