import { Secret, SinkError } from "@axon-backup/sink";
import { blobName } from "./names.js";
import type { AzureOptions, Tiers } from "./options.js";

/** How the sink proves who it is. */
export type Access =
  | { readonly kind: "connection-string"; readonly text: Secret }
  | { readonly kind: "key"; readonly account: string; readonly key: Secret }
  | { readonly kind: "sas"; readonly token: Secret }
  | { readonly kind: "identity"; readonly managed: boolean; readonly clientId: string | undefined };

/** The options as the sink uses them. */
export interface Settings {
  readonly access: Access;
  /** URL of the blob service, without a slash at its end. Undefined: it is in the connection string. */
  readonly endpoint: string | undefined;
  readonly container: string;
  /** Empty, or ending in a slash. */
  readonly prefix: string;
  readonly ca: string | undefined;
  readonly tiers: Tiers;
  /** Bytes. */
  readonly blockSize: number | undefined;
}

/**
 * Options as settings, with defaults.
 * @throws SinkError `invalid` for options that contradict each other, or lack something
 */
export function settings(options: AzureOptions): Settings {
  const access = accessOf(options);
  const prefix = options.prefix?.replace(/\/$/, "") ?? "";
  if (access.kind === "identity" && options.endpoint?.startsWith("http:") === true)
    throw invalid(
      "credential and an endpoint without TLS don't go together",
      "Use an endpoint that begins with https://.",
    );
  return {
    access,
    endpoint: access.kind === "connection-string" ? undefined : endpointOf(options),
    container: options.container,
    prefix: prefix === "" ? "" : `${blobName("", prefix)}/`,
    ca: options.ca,
    tiers: options.tier ?? {},
    blockSize: options.block_size,
  };
}

const WAYS = ["connection_string", "account_key", "sas_token", "credential"] as const;

function accessOf(options: AzureOptions): Access {
  const given = WAYS.filter((way) => options[way] !== undefined);
  const [way] = given;
  if (way === undefined)
    throw invalid(
      "there is nothing to log in with",
      "Set one of connection_string, account_key, sas_token or credential.",
    );
  if (given.length > 1)
    throw invalid(`${given.join(" and ")} are both there`, "Keep one of them: each is a way of its own.");
  if (options.client_id !== undefined && way !== "credential")
    throw invalid(`client_id means nothing with ${way}`, "Remove it, or set credential: managed-identity.");
  const { connection_string: text, account_key: key, sas_token: token, account } = options;
  if (text !== undefined) {
    for (const name of ["account", "endpoint"] as const)
      if (options[name] !== undefined)
        throw invalid(
          `${name} and connection_string are both there`,
          `Remove ${name}: the connection string has it.`,
        );
    return { kind: "connection-string", text: trimmed(text) };
  }
  if (key !== undefined) {
    if (account === undefined) throw invalid("account_key is there, and account isn't", "Set account.");
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed(key).reveal()))
      throw invalid(
        "account_key isn't a key: keys are Base64",
        "Copy the key from the portal (Access keys).",
      );
    return { kind: "key", account, key: trimmed(key) };
  }
  if (token !== undefined)
    return { kind: "sas", token: new Secret(trimmed(token).reveal().replace(/^\?/, "")) };
  return {
    kind: "identity",
    managed: options.credential === "managed-identity",
    clientId: options.client_id,
  };
}

function endpointOf({ account, endpoint }: AzureOptions): string {
  if (endpoint !== undefined) return endpoint.replace(/\/+$/, "");
  if (account === undefined)
    throw invalid(
      "it isn't said which storage account",
      "Set account, or endpoint for one with a URL of its own.",
    );
  return `https://${account}.blob.core.windows.net`;
}

/** Files that hold secrets usually end in a line feed. */
function trimmed(secret: Secret): Secret {
  return new Secret(secret.reveal().trim());
}

function invalid(message: string, remedy: string): SinkError {
  return new SinkError("invalid", message, { remedy });
}
