import type { Command } from "commander";
import { type Choose, examples, SINKS, type SinkFlags } from "./shared.js";

/** `axon-backup prune`. */
export function addPrune(program: Command, choose: Choose): void {
  program
    .command("prune")
    .summary("remove the restore points that no retention rule keeps")
    .description(
      "Removes the restore points that no rule of the sink's retention keeps, then what no restore point needs any more. Never goes: the newest restore point, the newest verified one, anything that a restore point that stays needs, and objects of others. What no restore point needs goes when it is a day old.",
    )
    .option(...SINKS)
    .option("--dry-run", "say what would go, and why, and change nothing")
    .addHelpText("after", RETENTION)
    .addHelpText(
      "after",
      examples(
        "axon-backup prune --dry-run",
        "axon-backup prune",
        "axon-backup prune --sink nas --json | jq '.sinks[].freedBytes'",
      ),
    )
    .action((options: PruneFlags) => {
      choose(async (container) => {
        const { PruneCommand } = await import("../../commands/prune.js");
        return container
          .resolve(PruneCommand)
          .run({ sinks: options.sink ?? [], dryRun: options.dryRun === true });
      }, true);
    });
}

const RETENTION = `
The rules stand in the sink's file; without them, every restore point stays:

  # sinks.d/nas.yaml
  retention:
    keep_last: 3
    keep_within: 14d        # h, d, w or y
    keep_daily: 30          # keep_hourly, keep_weekly, keep_monthly, keep_yearly as well
    keep_abandoned: 90d     # of timelines that were given up, the last restore point; default: for ever

A restore point goes when none of them keeps it. \`axon-backup schema sink TYPE\` explains each.
`;

interface PruneFlags extends SinkFlags {
  readonly dryRun?: boolean;
}
