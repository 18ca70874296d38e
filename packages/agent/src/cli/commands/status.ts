import type { Command } from "commander";
import { type Choose, examples, SINKS, type SinkFlags } from "./shared.js";

/** `axon-backup status`. */
export function addStatus(program: Command, choose: Choose): void {
  program
    .command("status")
    .summary("show how each sink stands")
    .description(
      "Shows for every sink its newest restore point and how far that is behind the server, the repository's size, when it was verified, damage, who writes at the moment, and why the last backup failed, if it did. Asks the server and reads the sinks, and changes nothing.",
    )
    .option(...SINKS)
    .addHelpText(
      "after",
      examples(
        "axon-backup status",
        "axon-backup status --sink nas --json | jq '.sinks[].newest.ageSeconds'",
      ),
    )
    .action((options: SinkFlags) => {
      choose(async (container) => {
        const { StatusCommand } = await import("../../commands/status.js");
        return container.resolve(StatusCommand).run({ sinks: options.sink ?? [] });
      }, true);
    });
}
