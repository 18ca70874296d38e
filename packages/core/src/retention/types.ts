import type { Sink } from "@axon-backup/sink";
import type { Observer } from "../observer.js";
import type { BrokenPoint } from "./broken.js";
import type { Candidate, RemovalPlan } from "./plan.js";
import type { Decision, RetentionRules } from "./policy.js";

export interface PruneOptions {
  readonly sink: Sink;
  /** The sink's name, for events and messages. */
  readonly name: string;
  /** Which restore points to keep. All of them, if left out: then only what nothing refers to goes. */
  readonly rules?: RetentionRules;
  /** Says what would go, and changes nothing; doesn't need to be the only writer either. */
  readonly dryRun?: boolean;
  /** The version of the agent. */
  readonly agent: string;
  /** How many calls the sink takes at a time: so many objects are removed side by side. */
  readonly connections?: number;
  readonly now?: () => Date;
  readonly observer?: Observer;
  readonly signal?: AbortSignal;
}

/** An object that the storage didn't let go. */
export interface FailedRemoval extends Candidate {
  readonly error: Error;
}

export interface PruneReport extends Pick<RemovalPlan, "waiting" | "unknown"> {
  readonly dryRun: boolean;
  /** What the rules say of each restore point, oldest first. */
  readonly restorePoints: readonly Decision[];
  /** Those that stay and can't be restored from this sink: what would be kept without them is kept as well. */
  readonly broken: readonly BrokenPoint[];
  /** What was removed, in that order; with `dryRun`, what would be. */
  readonly removed: readonly Candidate[];
  /** What could not be removed. What is needed by a restore point that could not is in neither list: it stays. */
  readonly failed: readonly FailedRemoval[];
  /** How many objects were left where they are after several that the storage didn't let go, and none that it did. */
  readonly notTried: number;
}
