import { isNothingScheduled, NOTHING_SCHEDULED } from "../config/nothing-scheduled.js";
import type { Configuration } from "../config/types.js";
import type { SecretContext } from "../secrets/resolve.js";
import { listenRows } from "./listen-rows.js";
import { notificationRows } from "./notification-rows.js";
import { type CheckRow, warning } from "./types.js";

/** What `axon-backup run` needs beside the server and its sinks. */
export async function serviceRows(
  configuration: Configuration,
  secrets: SecretContext,
  signal: AbortSignal,
): Promise<readonly CheckRow[]> {
  const enabled = configuration.sinks.filter((sink) => sink.enabled);
  const { message, remedy } = NOTHING_SCHEDULED;
  return [
    ...(isNothingScheduled(enabled) ? [warning("schedule", "", message, remedy)] : []),
    ...(await listenRows(configuration, secrets, signal)),
    ...(await notificationRows(configuration.notifications, secrets, signal)),
  ];
}
