import type { Command } from "commander";
import { type Choose, examples } from "./shared.js";

/** `axon-backup check`. */
export function addCheck(program: Command, choose: Choose): void {
  program
    .command("check")
    .summary("every precondition of a backup, each with its remedy")
    .description(
      "Checks configuration, server, token, the files of every context, and each sink's promises on the real storage. What it writes to a sink, some 200 small objects below check-…, it removes. Storage that keeps the versions of objects keeps these, too (some MB), until a lifecycle rule for noncurrent versions removes them or, with object lock, their retention has ended.",
    )
    .addHelpText("after", examples("axon-backup check", "axon-backup check --json --config ./config"))
    .action(() => {
      choose(async (container) => {
        const { CheckCommand } = await import("../../commands/check.js");
        return container.resolve(CheckCommand).run();
      }, true);
    });
}
