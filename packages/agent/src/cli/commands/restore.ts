import type { Command } from "commander";
import { UsageError } from "../../errors/usage-error.js";
import { once } from "../once.js";
import { type Choose, examples } from "./shared.js";

/** `axon-backup restore`. */
export function addRestore(program: Command, choose: Choose): void {
  program
    .command("restore")
    .summary("bring a store back, into an empty directory")
    .description(
      "Restores a restore point into an empty or new directory that Axon Server can start from. With --token, events after that token are left out.",
    )
    .requiredOption("--to <dir>", "the directory: empty, or not there yet", once("--to"))
    .option("--sink <name>", "the sink to restore from (default: the only one)", once("--sink"))
    .option("--restore-point <id>", "the restore point (default: latest)", once("--restore-point"))
    .option("--token <n>", "the last event to restore, by its token", once("--token"))
    .option("--context <name>", "restore this context only", once("--context"))
    .addHelpText(
      "after",
      examples(
        "axon-backup restore --to /var/lib/axonserver",
        "axon-backup restore --sink nas --to ./restored --restore-point 20261124T055901.123Z",
        "axon-backup restore --to ./restored --context default --token 40000",
      ),
    )
    .action(async (options: RestoreFlags) => {
      const { parseOptional, parseRestorePoint, parseToken } = await import("../options.js");
      const restorePoint = parseOptional(parseRestorePoint, options.restorePoint);
      const token = parseOptional(parseToken, options.token);
      if (options.to === "") throw new UsageError("--to is empty", "Name the directory to restore to.");
      choose(async (container) => {
        const { RestoreCommand } = await import("../../commands/restore.js");
        return container
          .resolve(RestoreCommand)
          .run({ to: options.to, sink: options.sink, context: options.context, restorePoint, token });
      }, true);
    });
}

interface RestoreFlags {
  readonly to: string;
  readonly sink?: string;
  readonly restorePoint?: string;
  readonly token?: string;
  readonly context?: string;
}
