import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "@axon-backup/sink";
import { isLoopback, parseListen } from "./listen.js";

/**
 * Whether a request for this host was meant for a server that only this machine reaches. A page from elsewhere can have its own name lead to
 * 127.0.0.1 and then read what is served there as its own (DNS rebinding); the name in the request gives it away.
 * @param header the request's `Host`
 */
export function isLocalHost(header: string | undefined): boolean {
  if (header === undefined) return false;
  const host = parseListen(header)?.host ?? parseListen(`${header}:80`)?.host;
  return host !== undefined && isLoopback(host);
}

/**
 * Whether the request's `Authorization` has the token: as a bearer token, or as the password of basic authentication, with any user's name. How long it takes doesn't tell how
 * much of it is right.
 */
export function isAuthorized(header: string | undefined, token: Secret): boolean {
  const given = credentialOf(header ?? "");
  return given !== undefined && timingSafeEqual(digest(given), digest(token.reveal()));
}

function credentialOf(header: string): string | undefined {
  const [, scheme = "", value = ""] = /^([A-Za-z]+) +(\S+) *$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return value;
    case "basic": {
      const pair = Buffer.from(value, "base64").toString("utf8");
      const colon = pair.indexOf(":");
      return colon === -1 ? undefined : pair.slice(colon + 1);
    }
    default:
      return undefined;
  }
}

/** Of one length, whatever was given. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
