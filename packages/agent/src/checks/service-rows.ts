import type { Configuration } from "../config/types.js";
import type { SecretContext } from "../secrets/resolve.js";
import { listenRows } from "./listen-rows.js";
import { notificationRows } from "./notification-rows.js";
import type { CheckRow } from "./types.js";

/** What `axon-backup run` needs beside the server and its sinks. */
export async function serviceRows(
  configuration: Configuration,
  secrets: SecretContext,
  signal: AbortSignal,
): Promise<readonly CheckRow[]> {
  return [
    ...(await listenRows(configuration, secrets, signal)),
    ...(await notificationRows(configuration.notifications, secrets, signal)),
  ];
}
