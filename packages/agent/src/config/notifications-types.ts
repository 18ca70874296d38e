import type { SecretReference } from "../secrets/reference.js";

/** What can be told. `recovered` and `on-time` follow something that was told before. */
export const NOTIFIED_EVENTS = [
  "failed",
  "recovered",
  "diverged",
  "damage",
  "late",
  "on-time",
  "configuration-rejected",
] as const;

export type NotifiedEvent = (typeof NOTIFIED_EVENTS)[number];

/** One way to tell somebody: a channel, with defaults filled in. Times are milliseconds. */
export interface NotificationChannel {
  /** Unique. For the log, and for `axon-backup notify --channel`. */
  readonly name: string;
  readonly on: readonly NotifiedEvent[];
  /** A failure that is over within this time isn't told. 0: each is. */
  readonly after: number;
  /** What lasts is told again after so long; undefined: once. */
  readonly remind: number | undefined;
  readonly target: NotificationTarget;
}

export type NotificationTarget = CommandTarget | WebhookTarget | EmailTarget | PingTarget;

/** A program that is given the message. */
export interface CommandTarget {
  readonly kind: "command";
  /** The program's absolute path, and its arguments. There is no shell. */
  readonly run: readonly [program: string, ...args: string[]];
  readonly timeout: number;
}

/** An address that the message is posted to, as JSON. */
export interface WebhookTarget {
  readonly kind: "webhook";
  /** Or a reference, where whoever knows the address may post there. */
  readonly url: string | SecretReference;
  /** Signs what is posted. */
  readonly secret?: SecretReference;
  /** Path of the PEM certificates of authorities to trust instead of the system's. */
  readonly ca?: string;
  readonly timeout: number;
}

export interface EmailTarget {
  readonly kind: "email";
  /** The SMTP server. */
  readonly host: string;
  readonly port: number;
  /** `none` is for servers on this machine alone. */
  readonly tls: "starttls" | "implicit" | "none";
  readonly ca?: string;
  readonly user?: string;
  readonly password?: SecretReference;
  readonly from: string;
  readonly to: readonly string[];
  readonly timeout: number;
}

/** A dead man's switch: somebody elsewhere who raises the alarm when no fetch of the address comes any more. */
export interface PingTarget {
  readonly kind: "ping";
  readonly url: string | SecretReference;
  /** Fetched when something is wrong. */
  readonly failUrl?: string | SecretReference;
  /**
   * `current`: again and again, as long as every sink is current. `restore-point`: when a restore point has been made and the newest attempt of every sink has succeeded.
   */
  readonly when: "current" | "restore-point";
  /** At most one fetch of `url` in so long. */
  readonly every: number;
  readonly timeout: number;
}
