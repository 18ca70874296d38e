import type { Command } from "commander";
import { type Choose, examples } from "./shared.js";

const SERVICE = `
What it does, and when, stands in the configuration. agent.yaml has what holds for every
sink, and a sink's file may have a section of its own in its place:

  schedule:   {every: 1h}              # restore points; or {cron: "0 * * * *", timezone: Europe/Berlin}
  continuous: {interval: 1s}           # between them, new events as they come; {enabled: false}: not
  verify:     {cron: "30 3 * * *", budget: 5%}
  prune:      {cron: "0 5 * * *"}      # if the sink has retention
  promise:    {lag: 2m, restore_point: 26h}  # what the sink is held to

Signals:
  SIGTERM, SIGINT  It ends within 10 s, with exit code 0. What it was doing goes on when it
                   is started again.
  SIGHUP           Reads the configuration again, as it does when a file of it has changed.
                   It is checked as a whole; a wrong one changes nothing, and is told of.
                   Sinks that are the same in it go on undisturbed.
  SIGUSR1          A restore point on every sink now.`;

/** `axon-backup run`. */
export function addRun(program: Command, choose: Choose): void {
  program
    .command("run")
    .summary("the service: restore points on schedule, and new events as they come")
    .description(
      "Runs until it is told to end: makes restore points on schedule, stores new events between them as they come, verifies and prunes. Each sink by itself: one that is slow or away falls behind alone, and catches up.",
    )
    .addHelpText("after", SERVICE)
    .addHelpText("after", examples("axon-backup run", "axon-backup run --config ./config --verbose"))
    .action(() => {
      choose(async (container) => {
        const { RunCommand } = await import("../../commands/run.js");
        return container.resolve(RunCommand).run();
      }, true);
    });
}
