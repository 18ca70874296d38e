import { createHash } from "node:crypto";
import type { Configuration } from "../config/types.js";
import { resolveSecret, type SecretContext } from "../secrets/resolve.js";
import type { SecretReference } from "../secrets/reference.js";
import { withSecrets } from "./sinks.js";

/**
 * What the secrets of each sink are known by, and those of the server, under "": whoever replaces the file of one sees another.
 * @throws SecretError for one that can't be had
 */
export async function secretPrints(
  { server, sinks }: Configuration,
  context: SecretContext,
): Promise<ReadonlyMap<string, string>> {
  const print = async (reference: SecretReference, use: string): Promise<string> =>
    hash((await resolveSecret(reference, use, context)).reveal());
  const prints = new Map<string, string>();
  const ofServer = [];
  if (server?.token) ofServer.push(await print(server.token, "server.token"));
  if (server?.tls?.key) ofServer.push(await print(server.tls.key, "server.tls.key"));
  prints.set("", hash(ofServer.join()));
  for (const { name, enabled, options, secrets } of sinks)
    if (enabled) {
      const use = (pointer: string): string => `${name}.yaml: ${pointer.slice(1).replaceAll("/", ".")}`;
      const printed = await withSecrets(options, secrets, (reference, pointer) =>
        print(reference, use(pointer)),
      );
      prints.set(name, hash(JSON.stringify(printed)));
    }
  return prints;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
