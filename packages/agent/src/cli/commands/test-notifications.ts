import type { Command } from "commander";
import { type Choose, collect, examples } from "./shared.js";

/** `axon-backup test-notifications`. */
export function addTestNotifications(program: Command, choose: Choose): void {
  program
    .command("test-notifications")
    .summary("send a test through each channel of notifications")
    .description(
      "Sends a test message through each channel that agent.yaml has under notifications, once, and tells whether it got through. Of a ping, url is fetched, and fail_url isn't: that would be an alarm.",
    )
    .option("--channel <name>", "only this channel; may be given several times", collect)
    .option("--list", "name the channels, and send nothing")
    .addHelpText(
      "after",
      examples("axon-backup test-notifications", "axon-backup test-notifications --channel email"),
    )
    .action((options: { readonly channel?: readonly string[]; readonly list?: boolean }) => {
      choose(async (container) => {
        const { TestNotificationsCommand } = await import("../../commands/test-notifications.js");
        const tester = container.resolve(TestNotificationsCommand);
        return options.list === true ? tester.list() : tester.run(options.channel ?? []);
      }, true);
    });
}
