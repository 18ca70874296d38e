import type { AccessControl } from "../options.js";
import { type Answer, errorAnswer, type ErrorRequest } from "./answer.js";

/** The header that carries a token, as Node names it. */
export const TOKEN_HEADER = "axoniq-access-token";

/** Calls that work without a token, but not with a wrong one. The first is a surprise (docs/axon-server.md, section 1). */
const OPEN_CALLS: ReadonlySet<string> = new Set(["POST /createControlDbBackup", "GET /actuator/health"]);

/** What a caller without the right token gets; undefined if it may go on. */
export function refusal(
  accessControl: AccessControl | undefined,
  token: string | undefined,
  request: ErrorRequest & { readonly method: string },
): Answer | undefined {
  if (accessControl === undefined) return undefined;
  if (token === undefined) {
    const open = OPEN_CALLS.has(`${request.method} ${request.path}`);
    return open ? undefined : errorAnswer(401, { ...request, message: "Unauthorized" });
  }
  const known = token === accessControl.admin || token === accessControl.application;
  return known ? undefined : { status: 403, contentType: undefined, body: "Invalid token\r\n" };
}
