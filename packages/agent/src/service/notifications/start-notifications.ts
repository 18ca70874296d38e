import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type Clock, systemClock } from "@axon-backup/core";
import type { NotificationChannel } from "../../config/notifications-types.js";
import type { Log } from "../../output/log.js";
import type { SecretContext } from "../../secrets/resolve.js";
import type { ServiceView } from "../model.js";
import { Channel } from "./channel.js";
import type { Input } from "./decide.js";

/** When the service ends, what is waiting is tried for so long. Milliseconds. */
const PATIENCE = 3000;

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
  /** Left out: the system's. */
  readonly now?: () => Date;
}

/** The running notifications. Nothing here ever throws, or holds the service up. */
export interface Notifications {
  /** Goes on with other channels. What was told on a channel that keeps its name isn't told again. */
  take(channels: readonly NotificationChannel[]): void;
  /** Tries once more to send what is waiting, for 3 seconds at most, and ends. May be called again. */
  close(): Promise<void>;
}

/**
 * Tells people what happens to the service. What was told is remembered as long as this runs: after a restart, what still lasts is told once more.
 */
export function startNotifications(options: NotificationsOptions): Notifications {
  const { view, log, secrets, host = hostname(), clock = systemClock, now = () => new Date() } = options;
  const state = () => view.state();
  const basis = { state, log, secrets: { ...secrets, warn: once(secrets.warn) }, host, clock, now };
  let channels: ReadonlyMap<string, Channel> = new Map();
  const closing = new Set<Promise<void>>();
  const retire = async (name: string, gone: Channel): Promise<void> => {
    const left = await gone.close(PATIENCE, !channels.has(name));
    const next = channels.get(name);
    if (next) next.takeOver(left);
    else
      for (const { subject } of left)
        log.error(`notifications: ${name}: not told: ${subject}`, { channel: name, subject });
  };
  const retireLater = (name: string, gone: Channel): void => {
    const closed: Promise<void> = retire(name, gone).finally(() => closing.delete(closed));
    closing.add(closed);
  };
  const tell = (input: Input): void => {
    for (const channel of channels.values())
      try {
        channel.take(input);
      } catch (error) {
        // A bug of ours must not end the service that it is to tell of.
        log.error("notifications: failed", { error: secrets.redactor.redact(String(error)) });
      }
  };
  const take = (wanted: readonly NotificationChannel[]): void => {
    const before = channels;
    channels = new Map(
      wanted.map((channel) => {
        const known = before.get(channel.name);
        const same = known && isDeepStrictEqual(known.channel, channel);
        return [channel.name, same ? known : new Channel({ ...basis, channel }, known?.remembered)];
      }),
    );
    for (const [name, gone] of before) if (channels.get(name) !== gone) retireLater(name, gone);
    tell({ kind: "state", state: state() });
  };
  take(options.channels);
  const stop = view.subscribe({
    onChange: (changed) => {
      tell({ kind: "state", state: changed });
    },
    onEvent: (event) => {
      tell({ kind: "event", event });
    },
  });
  return {
    take,
    async close() {
      stop();
      const last = channels;
      channels = new Map();
      for (const [name, gone] of last) retireLater(name, gone);
      await Promise.all(closing);
    },
  };
}

/** What is wrong with a secret's file is told once, not with each message. */
function once(warn: (message: string) => void): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (told.has(message)) return;
    told.add(message);
    warn(message);
  };
}
