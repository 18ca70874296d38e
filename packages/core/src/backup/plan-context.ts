import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import type { Observer } from "../observer.js";
import type { Repository } from "../repository/repository.js";
import { captureContext } from "./capture.js";
import { Diverged } from "./diverged.js";
import { requireAll } from "./loss.js";
import type { ContextRun, SharedRun } from "./model.js";
import { planStore, type StorePlan } from "./plan.js";
import { protectUnreadable } from "./protect.js";
import type { SinkState } from "./sink-state.js";
import { decideTimeline, type Decision, newTimeline } from "./timeline.js";
import type { TimelineChange } from "./types.js";

/** What planning needs, besides the context's name. */
export interface PlanningTools extends SharedRun {
  readonly repository: Repository;
  readonly state: SinkState;
  readonly observer: Observer;
  /** The sink's name. */
  readonly name: string;
}

export interface PlannedContext {
  readonly run: ContextRun;
  /** If the context goes on in another timeline. */
  readonly change?: TimelineChange;
}

/**
 * Compares the server's history of one context with what the sink has, finds the timeline that goes on, and plans it. Reads, and changes nothing.
 * @throws EngineError `damage` when something is lost on both sides
 */
export async function planContext(tools: PlanningTools, context: string): Promise<PlannedContext> {
  const decision = await decideTimeline(tools, context);
  try {
    return await plan(tools, context, await notBehind(tools, context, decision));
  } catch (error) {
    if (!(error instanceof Diverged)) throw error;
    // Restore points that can't be read may need what this one would replace: it leaves them alone.
    const { state } = tools;
    return plan(tools, context, await newTimeline(tools, context, state.context(context), error.reason));
  }
}

/**
 * What the server has may have been asked for another sink, before this one was locked: whoever had this one until then may have stored more of an open segment since. Then it is asked again.
 * @throws Diverged
 */
async function notBehind(
  { source, signal }: PlanningTools,
  context: string,
  decision: Decision,
): Promise<Decision> {
  const { captured, state } = decision;
  const isBehind = STORE_KINDS.some((store) =>
    captured[store].open.some(
      ({ state: { name, validBytes } }) => validBytes < (state.stores[store].files.sizeOf(name) ?? 0),
    ),
  );
  if (!isBehind) return decision;
  const { snapshots, events } = state.stores;
  const previous = { snapshots: snapshots.state, events: events.state };
  return { ...decision, captured: await captureContext(source, context, previous, signal) };
}

/** @throws Diverged when objects stand in the way that restore points may need which can't be read */
async function plan(
  { repository: { sink }, source, name, observer, signal }: PlanningTools,
  context: string,
  { state, captured, change, isGuarded }: Decision,
): Promise<PlannedContext> {
  const plans: Partial<Record<StoreKind, StorePlan>> = {};
  for (const store of STORE_KINDS)
    plans[store] = planStore(captured[store].listing, state.stores[store].files);
  const run = { name: context, state, captured, plan: plans as ContextRun["plan"] };
  const whole = await requireAll(sink, run, signal);
  return {
    run: isGuarded ? await protectUnreadable({ source, sink, name, observer, signal }, whole) : whole,
    ...(change && { change }),
  };
}
