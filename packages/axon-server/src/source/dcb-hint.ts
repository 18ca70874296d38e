import type { ServerIdentity } from "../client/types.js";
import { AxonServerError } from "../errors.js";

/** The first year in whose versions contexts can be DCB (docs/axon-server.md, section 1). */
const FIRST_YEAR = 2025;

/**
 * What a listing failed with. A server that can have DCB contexts doesn't list the files of these, and no call tells them from others; so a failure of its own may be that, and the operator is told.
 */
export function withDcbHint(error: unknown, context: string, { version }: ServerIdentity): unknown {
  if (!(error instanceof AxonServerError) || error.kind !== "server-error") return error;
  if (!(Number.parseInt(version, 10) >= FIRST_YEAR)) return error;
  return new AxonServerError(
    "server-error",
    `${error.message}. If ${context} is a DCB context, that is why: Axon Server lists no files of these`,
    `A DCB context can't be backed up by its files: leave ${context} out of contexts, and have the server push its backup to a location of its own. If it is none, look at the server's log at this time for the reason.`,
    error,
  );
}
