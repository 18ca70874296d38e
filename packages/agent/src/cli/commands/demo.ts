import type { Command } from "commander";
import { type Choose, examples } from "./shared.js";

/** `axon-backup demo`. */
export function addDemo(program: Command, choose: Choose): void {
  program
    .command("demo")
    .summary("the whole story in a temporary folder: backup, damage, verify, restore, compare")
    .description(
      "Shows everything in a temporary folder, with a sample store and a server that behaves like Axon Server. Needs no configuration.",
    )
    .option("--keep", "keep the folder")
    .addHelpText("after", examples("axon-backup demo", "axon-backup demo --keep"))
    .action((options: { keep?: boolean }) => {
      choose(async (container) => {
        const { DemoCommand } = await import("../../commands/demo.js");
        const { GLOBALS } = await import("../../composition/tokens.js");
        return container
          .resolve(DemoCommand)
          .run({ keep: options.keep === true, json: container.resolve(GLOBALS).json });
      }, false);
    });
}
