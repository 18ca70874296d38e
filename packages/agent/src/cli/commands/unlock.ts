import type { Command } from "commander";
import { once } from "../once.js";
import { type Choose, examples } from "./shared.js";

/** `axon-backup unlock`. */
export function addUnlock(program: Command, choose: Choose): void {
  program
    .command("unlock")
    .summary("remove the lock that a dead run left on a sink")
    .description(
      "Shows which run holds the lock on a sink's repository, and since when, and removes it when you say so. It is hardly ever needed: the next backup takes over the lock of a process that is dead, at once on the same machine, after a minute from another one. A lock that is in use is never removed.",
    )
    .option("--sink <name>", "the sink (default: the only one)", once("--sink"))
    .option("--yes", "remove it without asking")
    .addHelpText(
      "after",
      examples(
        "axon-backup unlock --sink nas            show the lock, explain, and ask",
        "axon-backup unlock --sink nas --yes      for scripts",
      ),
    )
    .action((options: UnlockFlags) => {
      choose(async (container) => {
        const { UnlockCommand } = await import("../../commands/unlock.js");
        return container.resolve(UnlockCommand).run({ sink: options.sink, yes: options.yes === true });
      }, true);
    });
}

interface UnlockFlags {
  readonly sink?: string;
  readonly yes?: boolean;
}
