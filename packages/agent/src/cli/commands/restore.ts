import type { Command } from "commander";
import { UsageError } from "../../errors/usage-error.js";
import { once } from "../once.js";
import { type Choose, collect, examples } from "./shared.js";

/** `axon-backup restore`. */
export function addRestore(program: Command, choose: Choose): void {
  program
    .command("restore")
    .summary("bring a store back, into an empty directory")
    .description(
      "Restores a restore point into an empty or new directory that Axon Server can start from. With --token or --time, what came later is left out, snapshots as well. --resume goes on with a restore that was cut off; --delta turns an old store into the restored one. Both fetch only what differs.",
    )
    .option(
      "--to <dir>",
      "the directory: empty, or not there yet, but for --resume and --delta",
      once("--to"),
    )
    .option(
      "--sink <name>",
      "the sink to restore from (default: the only one); may be given several times: the first that has the restore point serves, the others stand in for what is damaged there",
      collect,
    )
    .option(
      "--restore-point <id>",
      "the restore point, latest, or head: what came after the newest one (default: latest, which is the head if there is one; with --token or --time, the earliest that has it)",
      once("--restore-point"),
    )
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
    .option("--resume", "go on with a restore that was cut off, and keep what was fetched if this one is")
    .option("--delta", "turn the old store in the directory into the restored one; stop Axon Server first")
    .option("--no-index", "leave index files out: the server rebuilds them at its start")
    .option(
      "--check-only <dir>",
      "instead of restoring, check a store that was restored: by itself, or with --sink and what else was given to restore it, against the restore point",
      once("--check-only"),
    )
    .option("--dry-run", "show what would be restored and how long it takes, and leave the directory alone")
    .addHelpText(
      "after",
      examples(
        "axon-backup restore --to /var/lib/axonserver",
        "axon-backup restore --sink nas --to ./restored --restore-point 20261124T055901.123Z",
        "axon-backup restore --to ./restored --context default --token 40000 --exclusive",
        "axon-backup restore --sink nas --sink vault --to /var/lib/axonserver --resume",
        "axon-backup restore --to /var/lib/axonserver --delta",
        "axon-backup restore --check-only /var/lib/axonserver",
        "axon-backup restore --to ./restored --time 2026-11-24T06:30:00+01:00 --dry-run",
      ),
    )
    .action(async (options: RestoreFlags) => {
      const { parseOptional, parseRestorePoint, parseToken } = await import("../options.js");
      const { parseTime } = await import("../parse-time.js");
      const restorePoint = parseOptional(parseRestorePoint, options.restorePoint);
      const token = parseOptional(parseToken, options.token);
      const time = parseOptional(parseTime, options.time);
      const { exclusive = false, dryRun = false, resume = false, delta = false, index } = options;
      if (token !== undefined && time !== undefined)
        throw new UsageError(
          "--token and --time contradict each other: each says where the restore ends",
          "Leave one of them out.",
        );
      if (exclusive && token === undefined)
        throw new UsageError(
          "--exclusive needs a token: it leaves out the transaction that holds it",
          "Give it with --token, or leave --exclusive out.",
        );
      const what = {
        sinks: options.sink ?? [],
        context: options.context,
        restorePoint,
        token,
        exclusive,
        time,
        indexFiles: index,
      };
      if (options.checkOnly !== undefined) {
        const directory = directoryOf("--check-only", options.checkOnly);
        refuseBeside(options);
        const alone = [restorePoint, token, time, options.context, options.sink].every(
          (given) => given === undefined,
        );
        choose(async (container) => {
          const { CheckAloneCommand, CheckRestoredCommand } =
            await import("../../commands/check-restored.js");
          return alone
            ? container.resolve(CheckAloneCommand).run(directory)
            : container.resolve(CheckRestoredCommand).run(directory, what);
        }, !alone);
        return;
      }
      const to = directoryOf("--to", options.to);
      choose(async (container) => {
        const { RestoreCommand } = await import("../../commands/restore.js");
        return container.resolve(RestoreCommand).run({ ...what, to, dryRun, resume, delta });
      }, true);
    });
}

/** The directory that an option names. */
function directoryOf(option: string, directory: string | undefined): string {
  if (directory === undefined)
    throw new UsageError(
      "--to is missing: the directory to restore to",
      "Name it; or with --check-only one that was restored to.",
    );
  if (directory === "") throw new UsageError(`${option} is empty`, "Name a directory.");
  return directory;
}

/** A check restores nothing. */
function refuseBeside({ to, resume, delta, dryRun }: RestoreFlags): void {
  const beside = [
    ...(to === undefined ? [] : ["--to"]),
    ...(resume === true ? ["--resume"] : []),
    ...(delta === true ? ["--delta"] : []),
    ...(dryRun === true ? ["--dry-run"] : []),
  ];
  if (beside.length > 0)
    throw new UsageError(
      `--check-only restores nothing, and ${beside.join(", ")} was given with it`,
      "Leave one of them out.",
    );
}

interface RestoreFlags {
  readonly to?: string;
  readonly checkOnly?: string;
  readonly sink?: readonly string[];
  readonly restorePoint?: string;
  readonly token?: string;
  readonly exclusive?: boolean;
  readonly time?: string;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly delta?: boolean;
  readonly index: boolean;
  readonly context?: string;
}
