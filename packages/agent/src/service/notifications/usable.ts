import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import type { NotificationChannel } from "../../config/notifications-types.js";
import type { SecretReference } from "../../secrets/reference.js";
import { resolveSecret, type SecretContext } from "../../secrets/resolve.js";
import { readAuthorities, resolveUrl } from "./senders/http.js";
import { DeliveryError } from "./senders/sender.js";

/**
 * Reads what a channel needs to send anything: its secrets, and the certificates that it trusts. Nothing is sent.
 * @throws SecretError, DeliveryError; the signal's reason
 */
export async function readChannel(
  { name, target }: NotificationChannel,
  secrets: SecretContext,
  signal: AbortSignal,
): Promise<void> {
  const within = { ...secrets, signal };
  const use = (key: string): string => `notifications.${target.kind}.${key} of the channel ${name}`;
  const address = async (key: string, url: string | SecretReference | undefined): Promise<void> => {
    if (url !== undefined) await resolveUrl(url, use(key), within);
  };
  const secret = async (key: string, reference: SecretReference | undefined): Promise<void> => {
    if (reference !== undefined) await resolveSecret(reference, use(key), within);
  };
  switch (target.kind) {
    case "command":
      return;
    case "webhook":
      await address("url", target.url);
      await secret("secret", target.secret);
      await readAuthorities(target.ca, signal);
      return;
    case "email":
      await secret("password", target.password);
      await readAuthorities(target.ca, signal);
      return;
    case "ping":
      await address("url", target.url);
      await address("fail_url", target.failUrl);
  }
}

/**
 * The same, and whether the program of a command can be run by this user.
 * @throws SecretError, DeliveryError; the signal's reason
 */
export async function requireUsable(
  channel: NotificationChannel,
  secrets: SecretContext,
  signal: AbortSignal,
): Promise<void> {
  await readChannel(channel, secrets, signal);
  if (channel.target.kind !== "command") return;
  const [program] = channel.target.run;
  try {
    await access(program, constants.X_OK);
    if ((await stat(program)).isFile()) return;
  } catch (error) {
    throw notRunnable(program, error instanceof Error && "code" in error ? String(error.code) : "error");
  }
  throw notRunnable(program, "it is no file");
}

function notRunnable(program: string, why: string): DeliveryError {
  return new DeliveryError(
    `${program} can't be run (${why})`,
    "Check that it is there, and that the agent's user may run it (chmod +x).",
    { refused: true },
  );
}
