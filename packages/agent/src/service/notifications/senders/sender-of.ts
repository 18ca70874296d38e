import type { NotificationTarget } from "../../../config/notifications-types.js";
import type { SecretContext } from "../../../secrets/resolve.js";
import { commandSender } from "./command.js";
import { emailSender } from "./email.js";
import { fetchSender } from "./fetch.js";
import type { Sender } from "./sender.js";
import { webhookSender } from "./webhook.js";

/** How messages get to a target; undefined for a ping without `fail_url`, which is never told that something is wrong. */
export function senderOf(
  target: NotificationTarget,
  secrets: SecretContext,
  now: () => Date,
): Sender | undefined {
  switch (target.kind) {
    case "command":
      return commandSender(target, secrets.env);
    case "webhook":
      return webhookSender(target, secrets, now);
    case "email":
      return emailSender(target, secrets);
    case "ping":
      return target.failUrl === undefined
        ? undefined
        : fetchSender(target.failUrl, "notifications.ping.fail_url", secrets);
  }
}
