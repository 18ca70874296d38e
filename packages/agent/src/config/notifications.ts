import { isLoopback } from "../service/http/listen.js";
import type { SecretReference } from "../secrets/reference.js";
import { parseDuration } from "./duration.js";
import {
  type CommandTarget,
  NOTIFIED_EVENTS,
  type NotificationChannel,
  type NotificationTarget,
  type NotifiedEvent,
} from "./notifications-types.js";
import type { SectionReader } from "./section-reader.js";

const DEFAULT_AFTER = 2 * 60_000;
const DEFAULT_REMIND = 24 * 3_600_000;
const DEFAULT_TIMEOUT = 30_000;
const DEFAULT_PING_EVERY = 60_000;

type Url = string | SecretReference;

/** One entry of the list, as it is written, after the schema has been checked. */
export interface NotificationKeys {
  readonly name?: string;
  readonly on?: readonly NotifiedEvent[];
  readonly after?: string | 0;
  readonly remind?: string;
  readonly command?: { readonly run: readonly string[]; readonly timeout?: string };
  readonly webhook?: {
    readonly url: Url;
    readonly secret?: SecretReference;
    readonly ca?: string;
    readonly timeout?: string;
  };
  readonly email?: {
    readonly host: string;
    readonly port?: number;
    readonly tls: "starttls" | "implicit" | "none";
    readonly ca?: string;
    readonly user?: string;
    readonly password?: SecretReference;
    readonly from: string;
    readonly to: readonly string[];
    readonly timeout?: string;
  };
  readonly ping?: {
    readonly url: Url;
    readonly fail_url?: Url;
    readonly when: "current" | "restore-point";
    readonly every?: string;
    readonly timeout?: string;
  };
}

/** The list `notifications`; what is wrong is told to the reader. */
export function toNotifications(
  reader: SectionReader,
  items: readonly NotificationKeys[],
): readonly NotificationChannel[] {
  const channels: NotificationChannel[] = [];
  for (const [index, item] of items.entries()) {
    const channel = toChannel(reader.section(String(index)), item);
    if (channel === undefined) continue;
    if (channels.some(({ name }) => name === channel.name))
      reader
        .section(String(index))
        .complain("name", `there is a channel ${channel.name} already; give each a name of its own`);
    channels.push(channel);
  }
  return channels;
}

function toChannel(reader: SectionReader, item: NotificationKeys): NotificationChannel | undefined {
  const target = toTarget(reader, item);
  if (target === undefined) return undefined;
  const on = item.on ?? NOTIFIED_EVENTS;
  const follows = (event: NotifiedEvent, before: readonly NotifiedEvent[]): void => {
    if (item.on?.includes(event) && !before.some((one) => on.includes(one)))
      reader.complain("on", `${event} follows ${before.join(", ")}, and none of these is told`);
  };
  follows("recovered", ["failed", "damage", "configuration-rejected"]);
  follows("on-time", ["late"]);
  const after = item.after === 0 ? 0 : reader.read("after", item.after, parseAfter);
  const remind = reader.read("remind", item.remind, (text) =>
    text === "never" ? text : parseDuration(text),
  );
  return {
    name: item.name ?? target.kind,
    on,
    after: after ?? DEFAULT_AFTER,
    remind: remind === "never" ? undefined : (remind ?? DEFAULT_REMIND),
    target,
  };
}

const KINDS = ["command", "webhook", "email", "ping"] as const;

function toTarget(reader: SectionReader, item: NotificationKeys): NotificationTarget | undefined {
  const kinds = KINDS.filter((kind) => item[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    reader.complain(
      "",
      kind === undefined
        ? "needs one of command, webhook, email and ping"
        : `has ${kinds.join(" and ")}; write a channel for each`,
    );
    return undefined;
  }
  const inside = reader.section(kind);
  const timeout = inside.read("timeout", item[kind]?.timeout, parseDuration) ?? DEFAULT_TIMEOUT;
  if (item.command) return toCommand(inside, item.command.run, timeout);
  if (item.webhook) return { kind: "webhook", ...item.webhook, timeout };
  if (item.email) {
    const { tls, host, port = DEFAULT_PORTS[tls] } = item.email;
    if (tls === "none" && !isLoopback(host))
      inside.complain(
        "tls",
        "none is for a server on this machine (host: 127.0.0.1); elsewhere write starttls or implicit",
      );
    return { kind: "email", ...item.email, port, timeout };
  }
  if (item.ping === undefined) return undefined;
  const { fail_url: failUrl, every, ...ping } = item.ping;
  return {
    kind: "ping",
    ...ping,
    ...(failUrl === undefined ? {} : { failUrl }),
    every: inside.read("every", every, parseDuration) ?? DEFAULT_PING_EVERY,
    timeout,
  };
}

const DEFAULT_PORTS = { starttls: 587, implicit: 465, none: 25 } as const;

function toCommand(
  reader: SectionReader,
  [program = "", ...args]: readonly string[],
  timeout: number,
): CommandTarget {
  if (!program.startsWith("/")) reader.complain("run", "the program must be an absolute path");
  else if ([program, ...args].some((text) => text.includes("\0")))
    reader.complain("run", "holds a NUL character");
  return { kind: "command", run: [program, ...args], timeout };
}

/** @throws RangeError */
function parseAfter(text: string): number {
  if (/^[0.]+[a-z]+$/.test(text)) throw new RangeError("write 0, without a unit: then each failure is told");
  return parseDuration(text);
}
