import type { Command } from "commander";
import { type Choose, examples, SINKS, type SinkFlags } from "./shared.js";

/** `axon-backup backup`. */
export function addBackup(program: Command, choose: Choose): void {
  program
    .command("backup")
    .summary("make one restore point on every sink")
    .description(
      "Backs the server up. On each sink, only what is new since its newest restore point is sent.",
    )
    .option(...SINKS)
    .addHelpText(
      "after",
      examples(
        "axon-backup backup",
        "axon-backup backup --sink nas --sink offsite",
        "axon-backup backup --json | jq .sinks",
      ),
    )
    .action((options: SinkFlags) => {
      choose(async (container) => {
        const { BackupCommand } = await import("../../commands/backup.js");
        return container.resolve(BackupCommand).run({ sinks: options.sink ?? [] });
      }, true);
    });
}
