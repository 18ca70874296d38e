import type { Sink } from "@axon-backup/sink";
import { decodeDocument } from "./document.js";
import { VERIFIED_RESTORE_POINTS_KEY } from "./layout.js";
import { readOptional } from "./read-optional.js";
import type { VerifiedRestorePoints } from "./verification.js";

/**
 * The record of what was verified, for those that something is lost with if it is taken for an empty one.
 * @throws EngineError `damage`
 */
export async function requireVerification(sink: Sink, signal?: AbortSignal): Promise<VerifiedRestorePoints> {
  const bytes = await readOptional(sink, VERIFIED_RESTORE_POINTS_KEY, signal);
  if (bytes === undefined) return { restorePoints: [] };
  return decodeDocument(
    "verified-restore-points",
    bytes,
    VERIFIED_RESTORE_POINTS_KEY,
  ) as VerifiedRestorePoints;
}
