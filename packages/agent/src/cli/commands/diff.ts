import type { Command } from "commander";
import { type Choose, examples, SINKS, type SinkFlags } from "./shared.js";

/** `axon-backup diff`. */
export function addDiff(program: Command, choose: Choose): void {
  program
    .command("diff <before> <after>")
    .summary("show what came between two restore points")
    .description(
      "Shows what came between two restore points of a sink: segments and index files, events, snapshots and bytes of each context. Each is an id as `axon-backup list` shows it, latest, or head, which is what came after the newest one.",
    )
    .option(...SINKS)
    .addHelpText(
      "after",
      examples(
        "axon-backup diff 20261124T055901.123Z latest",
        "axon-backup diff 20261124T055901.123Z 20261124T065901.007Z --sink nas --json",
      ),
    )
    .action(async (before: string, after: string, options: SinkFlags) => {
      const { parseRestorePoint } = await import("../options.js");
      const points = { before: parseRestorePoint(before), after: parseRestorePoint(after) };
      choose(async (container) => {
        const { DiffCommand } = await import("../../commands/diff.js");
        return container.resolve(DiffCommand).run({ ...points, sinks: options.sink ?? [] });
      }, true);
    });
}
