import type { Command } from "commander";
import { type Choose, examples, SINKS, type SinkFlags } from "./shared.js";

/** `axon-backup show`. */
export function addShow(program: Command, choose: Choose): void {
  program
    .command("show")
    .summary("show one restore point in detail")
    .description("Shows a restore point on every sink that has it.")
    .argument("<id>", "the restore point, latest, or head: what came after the newest one")
    .option(...SINKS)
    .addHelpText(
      "after",
      examples("axon-backup show latest", "axon-backup show 20261124T055901.123Z --sink nas"),
    )
    .action(async (id: string, options: SinkFlags) => {
      const restorePoint = (await import("../options.js")).parseRestorePoint(id);
      choose(async (container) => {
        const { ShowCommand } = await import("../../commands/show.js");
        return container.resolve(ShowCommand).run({ restorePoint, sinks: options.sink ?? [] });
      }, true);
    });
}
