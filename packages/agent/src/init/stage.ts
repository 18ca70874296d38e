import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { loadConfiguration } from "../config/load.js";
import { ConfigurationError, problemText } from "../config/problem.js";
import type { SinkPlugins } from "../config/sink-file.js";
import { UsageError } from "../errors/usage-error.js";

/** A file of the configuration, not written yet. */
export interface NewFile {
  /** Below the configuration's folder: `agent.yaml`, `sinks.d/nas.yaml`. */
  readonly name: string;
  readonly text: string;
}

/**
 * Loads these files as the agent would, before anything is written where it counts.
 * @throws UsageError with every problem: what was answered can't be a configuration
 */
export async function tryToLoad(
  files: readonly NewFile[],
  plugins: SinkPlugins,
  signal: AbortSignal,
): Promise<void> {
  const stage = await mkdtemp(join(tmpdir(), "axon-backup-init-"));
  try {
    for (const { name, text } of files) {
      await mkdir(dirname(join(stage, name)), { recursive: true });
      await writeFile(join(stage, name), text, { mode: 0o600 });
    }
    await loadConfiguration(stage, plugins, signal);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // Lines of a file that isn't there help nobody.
    const told = error.problems.map(({ file, key, message }) =>
      problemText({ file: basename(file), key, message }),
    );
    throw new UsageError(told.join("; "), "Nothing was written. Correct what was given, and begin again.");
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}
