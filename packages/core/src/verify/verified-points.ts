import type { RestorePointId } from "../repository/restore-point-id.js";
import type { VerifiedDepth, VerifiedRestorePoint } from "../repository/verification.js";
import type { Present } from "./examine.js";
import type { ReadTimes } from "./read-times.js";
import type { Users } from "./requirements.js";
import type { PointVerified } from "./types.js";

/** What this run says of restore points. */
export interface Examined {
  /** Those that were checked and are still there, oldest first. */
  readonly checked: readonly RestorePointId[];
  /** Those that something is wrong with. */
  readonly damaged: ReadonlySet<RestorePointId>;
  /** Those that there are. */
  readonly existing: ReadonlySet<RestorePointId>;
  readonly present: readonly Present[];
  readonly times: Pick<ReadTimes, "valid">;
  readonly now: Date;
}

/**
 * The record of verified restore points after a run. One that something is wrong with loses its entries; one that is right gets a new one for `objects`, and for `data` once
 * each of its objects has been read and found right, of the time at which the one was read that is the longest ago. What was proved earlier stays. Pure.
 */
export function verifiedAfter(
  before: readonly VerifiedRestorePoint[],
  examined: Examined,
): VerifiedRestorePoint[] {
  const { checked, damaged, existing, now } = examined;
  const entries = new Map<string, VerifiedRestorePoint>();
  const put = (id: RestorePointId, depth: VerifiedDepth, verified: string): void => {
    entries.set(`${id} ${depth}`, { id, depth, verified });
  };
  for (const { id, depth, verified } of before)
    if (existing.has(id) && !damaged.has(id)) put(id, depth, verified);
  const readSince = oldestReadings(examined);
  for (const id of checked) {
    if (damaged.has(id)) continue;
    put(id, "objects", now.toISOString());
    const since = readSince.get(id);
    if (since !== undefined && since > -Infinity) put(id, "data", new Date(since * 1000).toISOString());
  }
  return [...entries.keys()].sort().flatMap((key) => entries.get(key) ?? []);
}

/** The same, for a report. */
export function describePoints(
  record: readonly VerifiedRestorePoint[],
  { checked, damaged }: Pick<Examined, "checked" | "damaged">,
): PointVerified[] {
  const of = (wanted: VerifiedDepth): Map<RestorePointId, string> =>
    new Map(record.flatMap(({ id, depth, verified }) => (depth === wanted ? [[id, verified]] : [])));
  const [objects, data] = [of("objects"), of("data")];
  return checked.map((id) => ({
    restorePoint: id,
    damaged: damaged.has(id),
    objects: objects.get(id) ?? null,
    data: data.get(id) ?? null,
  }));
}

/** The same of the head, of which nothing is recorded: it is replaced by the next one. Pure. */
export function describeHead(id: RestorePointId, examined: Examined): PointVerified | undefined {
  const alone = { ...examined, checked: [id], existing: new Set([id]) };
  return describePoints(verifiedAfter([], alone), alone)[0];
}

/** For each restore point the second at which that object of it was read that was read the longest ago; minus infinity when one hasn't been read as it is now. */
function oldestReadings({ present, times }: Examined): Map<RestorePointId, number> {
  // By groups of restore points that share a page: there are fewer of these than restore points times objects.
  const groups = new Map<Users, number>();
  for (const object of present) {
    const read = times.valid(object) ?? -Infinity;
    for (const { users } of object.claims)
      for (const group of users) groups.set(group, Math.min(groups.get(group) ?? Infinity, read));
  }
  const oldest = new Map<RestorePointId, number>();
  for (const [group, read] of groups)
    for (const id of group) oldest.set(id, Math.min(oldest.get(id) ?? Infinity, read));
  return oldest;
}
