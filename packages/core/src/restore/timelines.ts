import type { Token } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import type { ContextManifest } from "../repository/manifest.js";
import { type RestorePointId, timeOf } from "../repository/restore-point-id.js";
import type { Base, RestorePoints } from "./select.js";

/**
 * A time before the timeline of a context began is ambiguous: the server had another history then, which may have more than the one that goes on now.
 * @param isChosen whether the operator has said which restore point, and with it which history
 * @throws EngineError `usage` unless it was chosen, which tells the restore points of both
 */
export async function checkTimelines(
  repository: RestorePoints,
  base: Base,
  isChosen: boolean,
  time: number,
  warn: (message: string) => void,
): Promise<void> {
  for (const context of base.contexts) {
    const { branch, name, timeline } = context;
    if (branch === undefined || time >= Date.parse(branch.begun)) continue;
    const what = `${new Date(time).toISOString()} is before timeline ${timeline} of context ${name} began (${branch.begun}: ${branch.reason})`;
    const others = await fitting(repository, base, context, time);
    const there = others ?? "no restore point of another timeline is left";
    if (isChosen)
      warn(
        `${what}; restoring from timeline ${timeline}, as restore point ${base.manifest.id} was named. What the server had then: ${there}`,
      );
    else
      throw new EngineError(
        "usage",
        `${what}. What the server had then: ${there}`,
        `Name the history with --restore-point: one of those, or latest for what timeline ${timeline} has of that time.`,
      );
  }
}

/** The restore points of the timeline that the server was in at a time, that have all of it; if there is none, the last one before. */
async function fitting(
  repository: RestorePoints,
  { older }: Base,
  context: ContextManifest,
  time: number,
): Promise<string | undefined> {
  const isThere = older.filter((id) => timeOf(id).getTime() >= time);
  const first = await find(repository, isThere, (other) => other.timeline !== context.timeline, context.name);
  if (first) {
    const last = await find(
      repository,
      isThere.toReversed(),
      (other) => other.timeline === first.timeline,
      context.name,
    );
    const range = last === undefined || last.id === first.id ? first.id : `${first.id} to ${last.id}`;
    return `timeline ${first.timeline}, restore points ${range}`;
  }
  const before = older.filter((id) => timeOf(id).getTime() < time).toReversed();
  const last = await find(repository, before, (other) => other.timeline !== context.timeline, context.name);
  return last && `timeline ${last.timeline}, whose last restore point, ${last.id}, is from before that time`;
}

/** Where a token is that the timeline of a context doesn't have: in one that it left. Reads on after the token; empty if nowhere. */
export async function timelinesWith(
  repository: RestorePoints,
  context: ContextManifest,
  token: Token,
): Promise<string> {
  let { branch } = context;
  for (
    const seen = new Set([context.timeline]);
    branch?.restorePoint != null && !seen.has(branch.timeline);
  ) {
    seen.add(branch.timeline);
    const { restorePoint } = branch;
    const left = await find(repository, [restorePoint], () => true, context.name);
    if (left && token < left.nextToken)
      return `; timeline ${left.timeline} has it: name its restore point ${restorePoint} with --restore-point`;
    branch = left?.branch;
  }
  return "";
}

interface Found {
  readonly id: RestorePointId;
  readonly timeline: number;
  readonly nextToken: Token;
  readonly branch: ContextManifest["branch"];
}

/** The first of these restore points that has the context in such a timeline. One that can't be read is passed over. */
async function find(
  repository: RestorePoints,
  ids: readonly RestorePointId[],
  isWanted: (context: ContextManifest) => boolean,
  name: string,
): Promise<Found | undefined> {
  for (const id of ids)
    try {
      const context = (await repository.manifest(id)).contexts.find((other) => other.name === name);
      if (context && isWanted(context))
        return {
          id,
          timeline: context.timeline,
          nextToken: context.events.nextToken,
          branch: context.branch,
        };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
    }
  return undefined;
}
