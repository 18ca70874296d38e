import { randomUUID } from "node:crypto";
import type { NotificationChannel } from "../../config/notifications-types.js";
import type { SecretContext } from "../../secrets/resolve.js";
import { testMessage } from "./message.js";
import { fetchAddress } from "./senders/fetch.js";
import { resolveUrl } from "./senders/http.js";
import { type Sender, tooSlow } from "./senders/sender.js";
import { senderOf } from "./senders/sender-of.js";

/** What became of a channel's test. */
export interface TestedChannel {
  readonly channel: NotificationChannel;
  /** Undefined when it works. */
  readonly error: unknown;
  /** What the operator should mend although it works. */
  readonly warning: string | undefined;
}

/**
 * Sends a test message through a channel. Of a ping, `url` is fetched and `fail_url` isn't: that would be an alarm.
 * @throws the signal's reason
 */
export async function tryChannel(
  channel: NotificationChannel,
  secrets: SecretContext,
  host: string,
  signal: AbortSignal,
): Promise<TestedChannel> {
  const { target } = channel;
  const now = new Date();
  const redact = (text: string): string => secrets.redactor.redact(text);
  const message = testMessage(channel.name, { id: randomUUID(), now, host, server: undefined, redact });
  const over = AbortSignal.timeout(target.timeout);
  const sender = target.kind === "ping" ? switchTest(target, secrets) : senderOf(target, secrets, () => now);
  try {
    const warning = await sender?.send([message], AbortSignal.any([over, signal]));
    return { channel, error: undefined, warning };
  } catch (error) {
    signal.throwIfAborted();
    return {
      channel,
      error: over.aborted && error === over.reason ? tooSlow(target.timeout) : error,
      warning: undefined,
    };
  }
}

function switchTest(
  { url, failUrl }: Extract<NotificationChannel["target"], { kind: "ping" }>,
  secrets: SecretContext,
): Sender {
  return {
    together: 1,
    async send(_messages, signal) {
      if (failUrl !== undefined)
        await resolveUrl(failUrl, "notifications.ping.fail_url", { ...secrets, signal });
      await fetchAddress(url, "notifications.ping.url", secrets, signal);
      return undefined;
    },
  };
}

/** Where a channel leads, for people: no secrets, and of addresses nothing but the host. */
export function destinationOf({ target }: NotificationChannel): string {
  switch (target.kind) {
    case "command":
      return target.run[0];
    case "webhook":
    case "ping":
      return typeof target.url === "string" ? new URL(target.url).origin : "a secret address";
    case "email":
      return `${target.to.join(", ")} by ${target.host}:${target.port}`;
  }
}
