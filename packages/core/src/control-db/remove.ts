import type { ControlDbFile, ServerSource } from "@axon-backup/axon-server";
import type { Observer } from "../observer.js";

/**
 * Removes the control DB backup that the server wrote for a run, where the server has it. For when every sink has stored it: what is left behind there
 * harms nothing, so that a failure is a warning.
 */
export async function removeControlDbZip(
  source: ServerSource,
  controlDb: () => Promise<ControlDbFile>,
  observer: Observer,
): Promise<void> {
  try {
    if (source.removeControlDbBackup === undefined)
      throw new Error("this kind of server doesn't let the agent remove it");
    await source.removeControlDbBackup(await controlDb());
  } catch (error) {
    const remedy =
      error instanceof Error && "remedy" in error && typeof error.remedy === "string"
        ? `. ${error.remedy}`
        : "";
    observer({
      kind: "warning",
      message: `the control DB's backup, which every sink has now, stays on the server: ${error instanceof Error ? error.message : String(error)}${remedy}`,
    });
  }
}
