import type { NotificationChannel } from "../config/notifications-types.js";
import type { SecretContext } from "../secrets/resolve.js";
import { destinationOf } from "../service/notifications/try-channel.js";
import { requireUsable } from "../service/notifications/usable.js";
import { shellQuoted } from "../views/shell-quoted.js";
import { failedRow } from "./failed-row.js";
import { type CheckRow, ok } from "./types.js";

/** Whether each channel could send: its secrets, certificates and program are there. No message is sent. */
export async function notificationRows(
  channels: readonly NotificationChannel[],
  secrets: SecretContext,
  signal: AbortSignal,
): Promise<readonly CheckRow[]> {
  const rows: CheckRow[] = [];
  for (const channel of channels)
    try {
      await requireUsable(channel, secrets, signal);
      const how = `axon-backup test-notifications --channel ${shellQuoted(channel.name)}`;
      const { kind } = channel.target;
      rows.push(
        ok(
          "notifications",
          channel.name,
          `${kind} to ${destinationOf(channel)}; nothing was sent: \`${how}\` does it`,
        ),
      );
    } catch (error) {
      signal.throwIfAborted();
      rows.push(failedRow("notifications", channel.name, error));
    }
  return rows;
}
