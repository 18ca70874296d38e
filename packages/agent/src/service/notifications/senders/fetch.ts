import type { SecretReference } from "../../../secrets/reference.js";
import type { SecretContext } from "../../../secrets/resolve.js";
import { fetchUrl, resolveUrl } from "./http.js";
import type { Sender } from "./sender.js";

/**
 * Fetches an address, and looks at nothing but whether that works.
 * @param use the key that needs it, for messages
 * @throws DeliveryError; SecretError; the signal's reason
 */
export async function fetchAddress(
  url: string | SecretReference,
  use: string,
  secrets: SecretContext,
  signal: AbortSignal,
): Promise<void> {
  await fetchUrl({ method: "GET", url: await resolveUrl(url, use, { ...secrets, signal }) }, signal);
}

/** Fetches an address, whatever the message says. */
export function fetchSender(url: string | SecretReference, use: string, secrets: SecretContext): Sender {
  return {
    // One fetch says as much as several.
    together: Infinity,
    async send(_messages, signal) {
      await fetchAddress(url, use, secrets, signal);
      return undefined;
    },
  };
}
