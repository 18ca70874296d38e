import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type RestorePointId, verify, type VerifyReport } from "@axon-backup/core";
import { plugin } from "@axon-backup/sink-local";

/** The restore points below a local sink's directory, oldest first: those that are committed. */
export function restorePointsAt(sink: string): RestorePointId[] {
  const directory = join(sink, "restore-points");
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => name.endsWith(".json"));
  return names.map((name) => name.slice(0, -".json".length) as RestorePointId).sort();
}

/** What a run that was cut off may leave, and the next one must remove: paths below a local sink's directory. */
export function leftoversAt(sink: string): string[] {
  if (!existsSync(sink)) return [];
  const entries = readdirSync(sink, { recursive: true, withFileTypes: true }).filter(
    (entry) => !entry.isDirectory(),
  );
  const paths = entries.map((entry) => join(entry.parentPath, entry.name).slice(sink.length + 1));
  return paths
    .filter((path) => path.startsWith("checkpoints/") || path.split("/").some((part) => part.startsWith(".")))
    .sort();
}

/**
 * Reads every byte of every restore point, in this process: a test that verifies often can't afford the command each time. Leaves no marks.
 * @returns undefined when there is no restore point yet
 */
export async function verifyAt(path: string): Promise<VerifyReport | undefined> {
  if (restorePointsAt(path).length === 0) return undefined;
  const sink = await plugin.open({ path }, { name: "sink", purpose: "read" });
  try {
    return await verify({ sink, name: "sink", readData: true, mark: false });
  } finally {
    await sink.close();
  }
}

/** Throws, with the findings, unless every restore point has every byte. */
export async function expectVerified(path: string, when: string): Promise<void> {
  const report = await verifyAt(path);
  if (report?.damaged === true)
    throw new Error(`${when}: ${report.findings.map(({ key, finding }) => `${key} ${finding}`).join("\n")}`);
}
