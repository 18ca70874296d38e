import type { ObjectKey, Sink } from "@axon-backup/sink";
import { mapConcurrent } from "../concurrency.js";
import { readDamageMark } from "../repository/damage-mark.js";
import type { Listing, Present } from "./examine.js";
import type { Report } from "./findings.js";
import { type Claim, usersOf } from "./requirements.js";

/** Marks that are read side by side: small documents. */
const AT_ONCE = 8;

/**
 * Reports what an earlier verification has found and no backup has mended, of objects whose bytes this one didn't read: their size and place tell nothing about that. The shorter beginnings that
 * older restore points need of a segment, and that were right, stay so.
 * @param wasRead whether this run has read the object, and so knows better than its mark
 */
export async function reportStandingMarks(
  sink: Sink,
  { present, marked }: Pick<Listing, "present" | "marked">,
  wasRead: (key: ObjectKey) => boolean,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<void> {
  const standing = present.filter(({ object: { key } }) => marked.has(key) && !wasRead(key));
  await mapConcurrent(standing, AT_ONCE, signal, (object, inner) =>
    reportStanding(sink, object, report, inner),
  );
}

async function reportStanding(
  sink: Sink,
  { object: { key, kind }, claims }: Present,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const mark = await readDamageMark(sink, key, signal);
  // Mended by a backup since the sink was listed.
  if (mark === undefined) return;
  const wrongFrom = mark === "unreadable" ? 0 : (mark.beginning ?? 0);
  const wrong = claims.filter(({ bytes }: Claim) => bytes >= wrongFrom);
  if (wrong.length === 0) return;
  const finding =
    mark === "unreadable"
      ? "was found damaged by an earlier verification, whose note on it can't be read, and has not been stored again since"
      : `was found damaged on ${mark.found}, and has not been stored again since: it ${mark.finding}`;
  report({
    key,
    finding,
    depth: "data",
    restorePoints: usersOf({ users: wrong.flatMap(({ users }) => users) }),
    // The mark is there already.
    mend: false,
    mendedAnyway: kind !== "control-db",
  });
}
