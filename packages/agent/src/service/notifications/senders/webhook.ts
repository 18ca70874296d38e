import { createHmac } from "node:crypto";
import type { WebhookTarget } from "../../../config/notifications-types.js";
import { resolveSecret, type SecretContext } from "../../../secrets/resolve.js";
import { fetchUrl, readAuthorities, resolveUrl } from "./http.js";
import type { Sender } from "./sender.js";

export const TIMESTAMP_HEADER = "X-Axon-Backup-Timestamp";
export const SIGNATURE_HEADER = "X-Axon-Backup-Signature";

/**
 * The signature of what is posted: HMAC-SHA256 of the time, a full stop and the body.
 * @param timestamp seconds since 1970, as the header has them
 */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `v1=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}

/** Posts each message as JSON. */
export function webhookSender(target: WebhookTarget, secrets: SecretContext, now: () => Date): Sender {
  return {
    together: 1,
    async send([message], signal) {
      const within = { ...secrets, signal };
      const url = await resolveUrl(target.url, "notifications.webhook.url", within);
      const secret =
        target.secret && (await resolveSecret(target.secret, "notifications.webhook.secret", within));
      const ca = await readAuthorities(target.ca, signal);
      const body = JSON.stringify(message);
      // Of each attempt: a receiver may refuse what is old.
      const timestamp = String(Math.floor(now().getTime() / 1000));
      const headers = {
        "Content-Type": "application/json",
        [TIMESTAMP_HEADER]: timestamp,
        ...(secret ? { [SIGNATURE_HEADER]: signatureOf(secret.reveal(), timestamp, body) } : {}),
      };
      await fetchUrl({ method: "POST", url, headers, body, ca }, signal);
      return undefined;
    },
  };
}
