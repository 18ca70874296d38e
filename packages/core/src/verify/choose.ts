import { EngineError } from "../errors.js";
import { type Commits, headProblem, idOfChoice, type RestorePointChoice } from "../repository/find-head.js";
import type { Manifest } from "../repository/manifest.js";
import type { RestorePointId } from "../repository/restore-point-id.js";

/** What is to be verified. */
export interface Chosen {
  /** Oldest first. */
  readonly restorePoints: readonly RestorePointId[];
  /** The head, if it is to be. */
  readonly head: Manifest | undefined;
  /** What is wrong with `head.json`, if it was to be. */
  readonly problem: EngineError | undefined;
}

/**
 * All restore points and the head; or what was asked for. The latest is the newest restore point with the head after it: what is found of the one is recorded, and of the other it isn't.
 * @param hadSome whether there were restore points at an earlier verification: then it is damage that there are none
 * @throws EngineError `usage`
 */
export function chooseWhat(
  commits: Commits,
  choice: RestorePointChoice | undefined,
  hadSome: boolean,
): Chosen {
  const { restorePoints, head } = commits;
  const newest = restorePoints.at(-1);
  const ofHead = { head: head.state === "current" ? head.manifest : undefined, problem: headProblem(head) };
  if (newest === undefined && hadSome && choice === undefined) return { restorePoints: [], ...ofHead };
  if (newest === undefined)
    throw new EngineError("usage", "the sink has no restore point", "Make one with `axon-backup backup`.");
  if (choice === undefined) return { restorePoints, ...ofHead };
  if (choice === "latest") return { restorePoints: [newest], ...ofHead };
  const id = idOfChoice(commits, choice);
  if (choice === "head" && id === undefined && ofHead.problem === undefined) throw noHead(newest);
  if (choice === "head" || (id !== undefined && id === ofHead.head?.id))
    return { restorePoints: [], ...ofHead };
  if (id !== undefined) return { restorePoints: [id], head: undefined, problem: undefined };
  throw new EngineError(
    "usage",
    `there is no restore point ${choice}`,
    "`axon-backup list` shows the restore points there are.",
  );
}

function noHead(newest: RestorePointId): EngineError {
  return new EngineError(
    "usage",
    `there is no head: nothing was stored after restore point ${newest}`,
    "Leave --restore-point out, or name that one.",
  );
}
