import type { Sink } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { HEAD_KEY, RESTORE_POINTS, VERIFIED_RESTORE_POINTS_KEY } from "../repository/layout.js";
import type { VerifiedRestorePoint } from "../repository/verification.js";
import { requireVerification } from "../repository/verification-record.js";
import type { Candidate } from "./plan.js";
import type { Unreadable } from "./references.js";

/** What was verified; with what is wrong with the record of it, if that can't be read. */
export async function readVerified(
  sink: Sink,
  signal: AbortSignal | undefined,
): Promise<{ readonly verified: readonly VerifiedRestorePoint[]; readonly problem?: EngineError }> {
  try {
    return { verified: (await requireVerification(sink, signal)).restorePoints };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { verified: [], problem: error };
  }
}

/** Nobody knows which restore points were verified, the newest of which stays always. */
export function recordUnreadable(problem: EngineError): EngineError {
  return new EngineError(
    "damage",
    `which restore points were verified can't be told: ${problem.message}`,
    `Nothing was removed. \`axon-backup verify\` writes ${VERIFIED_RESTORE_POINTS_KEY} anew; run it, then prune again. \`verify --read-data\` reads again what was read before, if the record of that is lost as well.`,
    problem,
  );
}

/** The error of a run that was locked out, with what it had done. */
export function withRemoved(error: unknown, removed: readonly Candidate[]): unknown {
  if (!(error instanceof EngineError) || error.kind !== "locked") return error;
  const points = removed.filter(({ kind }) => kind === "restore-point").length;
  return new EngineError(
    "locked",
    `${error.message}; before that, this prune removed ${count(points, "restore point")} and ${count(removed.length - points, "other object")}`,
    error.remedy,
    error,
  );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** What restore points need isn't known. */
export function refused(unreadable: readonly Unreadable[]): EngineError {
  const shown = unreadable.slice(0, 3).map(({ problem }) => problem);
  const more = unreadable.length > shown.length ? [`${unreadable.length - shown.length} more`] : [];
  const manifests = unreadable.flatMap(({ key }) => (key.startsWith(RESTORE_POINTS) ? [key] : []));
  const ofManifests =
    manifests.length === 0
      ? ""
      : ` No backup mends a manifest: get ${manifests.length === 1 ? (manifests[0] ?? "") : "each that is named"} back from a copy of this sink or an older version of the object, or remove it by hand. Its restore point is lost then; without its manifest, it can't be restored either.`;
  const others = unreadable.length - manifests.length;
  const isHead = unreadable.some(({ key }) => key === HEAD_KEY);
  const ofHead = isHead
    ? ` The next backup removes a ${HEAD_KEY} that can't be read, and stores what it was about: run one, then prune again.`
    : "";
  const ofPages =
    others === (isHead ? 1 : 0)
      ? ""
      : " A backup stores damaged pages again that its restore point has: run one, then prune again. A page that is still damaged then is of older restore points: `axon-backup verify` names them. Get it back from a copy or an older version, or remove their manifests, restore-points/<id>.json, by hand.";
  return new EngineError(
    "damage",
    `what the restore points need can't be told: ${[...shown, ...more].join("; ")}`,
    `Nothing was removed.${ofManifests}${ofHead}${ofPages}`,
  );
}
