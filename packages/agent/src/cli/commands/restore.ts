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
      "Restores a restore point into an empty or new directory that Axon Server can start from. With --token or --time, what came later is left out, snapshots as well.",
    )
    .requiredOption("--to <dir>", "the directory: empty, or not there yet", once("--to"))
    .option("--sink <name>", "the sink to restore from (default: the only one)", once("--sink"))
    .option("--restore-point <id>", "the restore point (default: latest)", once("--restore-point"))
    .option(
      "--token <n>",
      "the last transaction to restore is the one that holds this token",
      once("--token"),
    )
    .option("--exclusive", "with --token: leave that transaction out, too")
    .option(
      "--time <time>",
      "the last transaction to restore is the last one without a later event; ISO 8601 with zone",
      once("--time"),
    )
    .option("--context <name>", "restore this context only", once("--context"))
    .option("--dry-run", "show what would be restored and how long it takes, and leave the directory alone")
    .addHelpText(
      "after",
      examples(
        "axon-backup restore --to /var/lib/axonserver",
        "axon-backup restore --sink nas --to ./restored --restore-point 20261124T055901.123Z",
        "axon-backup restore --to ./restored --context default --token 40000 --exclusive",
        "axon-backup restore --to ./restored --time 2026-11-24T06:30:00+01:00 --dry-run",
      ),
    )
    .action(async (options: RestoreFlags) => {
      const { parseOptional, parseRestorePoint, parseToken } = await import("../options.js");
      const { parseTime } = await import("../parse-time.js");
      const restorePoint = parseOptional(parseRestorePoint, options.restorePoint);
      const token = parseOptional(parseToken, options.token);
      const time = parseOptional(parseTime, options.time);
      const { exclusive = false, dryRun = false } = options;
      if (options.to === "") throw new UsageError("--to is empty", "Name the directory to restore to.");
      choose(async (container) => {
        const { RestoreCommand } = await import("../../commands/restore.js");
        return container
          .resolve(RestoreCommand)
          .run({
            to: options.to,
            sink: options.sink,
            context: options.context,
            restorePoint,
            token,
            exclusive,
            time,
            dryRun,
          });
      }, true);
    });
}

interface RestoreFlags {
  readonly to: string;
  readonly sink?: string;
  readonly restorePoint?: string;
  readonly token?: string;
  readonly exclusive?: boolean;
  readonly time?: string;
  readonly dryRun?: boolean;
  readonly context?: string;
}
