import { AxonServerError, type ServerIdentity, type ServerSource } from "@axon-backup/axon-server";
import type { ServerConfiguration } from "../config/types.js";
import { failedRow } from "./failed-row.js";
import { type CheckRow, failed, ok, warning } from "./types.js";

/**
 * Whether the token is good, and its role is enough for every context. Only a listing tells: the control DB call works without any token
 * (docs/axon-server.md, section 1).
 * @param contexts those to back up, that the server stores
 */
export async function tokenRows(
  source: ServerSource,
  identity: ServerIdentity,
  server: ServerConfiguration,
  contexts: readonly string[],
  signal: AbortSignal,
): Promise<readonly CheckRow[]> {
  if (!identity.authentication)
    return [
      server.token
        ? warning(
            "token",
            "",
            "a token is configured, and the server's access control is off",
            "Switch access control on, or remove server.token.",
          )
        : ok("token", "", "not needed: the server's access control is off"),
    ];
  if (contexts.length === 0) return [];
  const refused: { readonly context: string; readonly error: unknown }[] = [];
  for (const context of contexts) {
    try {
      await source.list(context, "events", undefined, signal);
    } catch (error) {
      signal.throwIfAborted();
      // Something else may be wrong with this context: its own rows tell.
      if (isAccessRefused(error)) refused.push({ context, error });
    }
  }
  const [first] = refused;
  if (first === undefined) return [ok("token", "", accepted(contexts))];
  if (refused.length === contexts.length) return [failedRow("token", "", first.error)];
  const names = refused.map(({ context }) => context);
  return [
    failed(
      "token",
      "",
      `accepted, and its role isn't enough for ${names.join(", ")}`,
      `Give the token's application the role ADMIN, or CONTEXT_ADMIN for ${names.join(", ")}; or set contexts to those that it may back up.`,
    ),
  ];
}

function accepted(contexts: readonly string[]): string {
  return `accepted, and its role is enough to back up ${contexts.join(", ")}`;
}

/** The server wants a token, or refuses the one that it got. */
export function isAccessRefused(error: unknown): boolean {
  return error instanceof AxonServerError && (error.kind === "unauthorized" || error.kind === "forbidden");
}
