import type { Command } from "commander";
import { type Choose, examples, SINKS, type SinkFlags } from "./shared.js";

/** `axon-backup list`. */
export function addList(program: Command, choose: Choose): void {
  program
    .command("list")
    .summary("list the restore points")
    .description("Lists the restore points of every sink, oldest first.")
    .option(...SINKS)
    .addHelpText("after", examples("axon-backup list", "axon-backup list --sink nas --json"))
    .action((options: SinkFlags) => {
      choose(async (container) => {
        const { ListCommand } = await import("../../commands/list.js");
        return container.resolve(ListCommand).run({ sinks: options.sink ?? [] });
      }, true);
    });
}
