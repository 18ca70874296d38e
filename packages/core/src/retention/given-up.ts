import type { RestorePointId } from "../repository/restore-point-id.js";
import type { RetainedPoint } from "./policy.js";

/** A context's history: a higher timeline began when the server's no longer went on from the one before. */
export interface Line {
  readonly context: string;
  readonly timeline: number;
}

/** A line as a restore point has it. */
export interface RetainedLine extends Line {
  /** The timeline that it left, and when that was found. */
  readonly branch?: { readonly timeline: number; readonly begun: Date };
}

/** A timeline that the newest restore point doesn't have. */
export interface GivenUp {
  readonly line: Line;
  /** The last restore point that has it. */
  readonly last: RestorePointId;
  /** When it was given up: not when that restore point was made, which may be long before. */
  readonly since: Date;
  /** The restore point that alone tells this: the first one, after the last, that doesn't have the timeline. */
  readonly witness?: RestorePointId;
}

/**
 * Each timeline that the newest restore point doesn't have. It was given up when another one left it, which every restore point of that one tells; or, of a context that is left
 * out, and where an older timeline goes on, with the first restore point that doesn't have it. Pure.
 * @param points oldest first
 */
export function givenUpLines(points: readonly RetainedPoint[]): GivenUp[] {
  const last = new Map<string, { readonly index: number; readonly line: Line }>();
  for (const [index, { lines }] of points.entries())
    for (const { context, timeline } of lines)
      last.set(nameOf({ context, timeline }), { index, line: { context, timeline } });
  for (const line of points.at(-1)?.lines ?? []) last.delete(nameOf(line));
  const left = departures(points);
  return [...last.values()].flatMap(({ index, line }): GivenUp[] => {
    const [holder, witness] = points.slice(index, index + 2);
    if (holder === undefined || witness === undefined) return [];
    // The server may have come back to it since it was left the first time.
    const since = (left.get(nameOf(line)) ?? []).filter((begun) => begun > holder.started);
    const latest = since.reduce((one, other) => (other > one ? other : one), new Date(0));
    return since.length > 0
      ? [{ line, last: holder.id, since: latest }]
      : [{ line, last: holder.id, since: witness.started, witness: witness.id }];
  });
}

/** For each line, when others have left it. */
function departures(points: readonly RetainedPoint[]): Map<string, Date[]> {
  const left = new Map<string, Date[]>();
  const known = new Set<string>();
  for (const { lines } of points)
    for (const { context, timeline, branch } of lines) {
      if (branch === undefined || Number.isNaN(branch.begun.getTime())) continue;
      const name = `${nameOf({ context, timeline })} ${branch.begun.getTime()} ${branch.timeline}`;
      if (known.has(name)) continue;
      known.add(name);
      const parent = nameOf({ context, timeline: branch.timeline });
      left.set(parent, [...(left.get(parent) ?? []), branch.begun]);
    }
  return left;
}

function nameOf({ context, timeline }: Line): string {
  return `${timeline}/${context}`;
}
