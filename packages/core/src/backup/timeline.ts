import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import type { Repository } from "../repository/repository.js";
import { sleep, systemClock } from "../sinks/clock.js";
import { withAnchors } from "./context-state.js";
import { Diverged } from "./diverged.js";
import {
  type Capture,
  type CapturedContext,
  type ContextState,
  NOTHING_STORED,
  type StoreState,
} from "./model.js";
import { type RecordedTimelines, recordedTimelines } from "./recorded.js";
import type { SinkState } from "./sink-state.js";
import type { TimelineChange } from "./types.js";

/** Milliseconds before the second look: a server that is just starting has its stores read by then, mostly. */
export const SECOND_LOOK = 2_000;

/** What a decision needs. */
export interface TimelineTools {
  readonly repository: Repository;
  readonly state: SinkState;
  readonly capture: Capture;
  readonly secondLook: number;
  /** When the run began. */
  readonly started: Date;
  readonly signal: AbortSignal | undefined;
}

/** The timeline that a context goes on in, and what the server has. */
export interface Decision {
  readonly state: ContextState;
  readonly captured: CapturedContext;
  /** If it is another one than before. */
  readonly change?: TimelineChange;
  /** Whether restore points that can't be read may need objects of it. */
  readonly isGuarded: boolean;
}

/**
 * Finds the timeline of a context that the server's history goes on from: the one that the newest restore point is in, an older one that the server was brought back to, or a new one. Changes
 * nothing.
 *
 * Another history is believed when it is seen twice, with a pause.
 */
export async function decideTimeline(tools: TimelineTools, name: string): Promise<Decision> {
  const { state, secondLook, signal } = tools;
  const current = state.context(name);
  let found = await look(tools, name, current, 1);
  if (found instanceof Diverged) {
    await sleep(systemClock, secondLook, signal);
    found = await look(tools, name, current, 2);
  }
  if (found instanceof Diverged) return leaveTimeline(tools, name, current, found.reason);
  return (
    (await leaveEmpty(tools, name, current, found)) ?? {
      state: current,
      captured: found,
      isGuarded: state.isPartlyUnreadable,
    }
  );
}

/** Takes a context to a new timeline. */
export async function newTimeline(
  tools: TimelineTools,
  name: string,
  left: ContextState,
  reason: string,
): Promise<Decision> {
  const { repository, state } = tools;
  return beginTimeline(tools, name, left, reason, await recordedTimelines(repository, state.ids, name));
}

/** Takes a context to an older timeline that the server's history goes on from, if there is one; else to a new one. */
async function leaveTimeline(
  tools: TimelineTools,
  name: string,
  left: ContextState,
  reason: string,
): Promise<Decision> {
  const { repository, state } = tools;
  const timelines = await recordedTimelines(repository, state.ids, name);
  return (
    (await resumeTimeline(tools, name, left, reason, timelines)) ??
    beginTimeline(tools, name, left, reason, timelines)
  );
}

/**
 * Leaves a timeline without events, which every history goes on from: the server was started without its storage, for instance, and has it again.
 * @returns undefined when there is no other timeline that the server's history goes on from
 */
async function leaveEmpty(
  tools: TimelineTools,
  name: string,
  left: ContextState,
  captured: CapturedContext,
): Promise<Decision | undefined> {
  const isEmpty = (store: StoreKind): boolean => (captured[store].open.at(-1)?.state.nextToken ?? 0) === 0;
  if (left.branch === undefined || isProven(captured) || STORE_KINDS.every(isEmpty)) return undefined;
  const timelines = await recordedTimelines(tools.repository, tools.state.ids, name);
  const reason = `timeline ${left.timeline} holds no event, and the server has those of another one`;
  return resumeTimeline(tools, name, left, reason, timelines);
}

/** @returns undefined when the server's history goes on from none of the other timelines */
async function resumeTimeline(
  tools: TimelineTools,
  name: string,
  left: ContextState,
  reason: string,
  timelines: RecordedTimelines,
): Promise<Decision | undefined> {
  for (const known of timelines.newest) {
    if (known.context.timeline === left.timeline) continue;
    const older = await tools.state.recorded(known);
    if (older === undefined) continue;
    const captured = await look(tools, name, withAnchors(older), 2);
    if (captured instanceof Diverged || !isProven(captured)) continue;
    const change = describeChange(name, left, older.timeline, reason, true);
    return { state: older, captured, change, isGuarded: timelines.isIncomplete };
  }
  return undefined;
}

/** Whether any event was compared: an empty history is the beginning of every other, and proves nothing. */
function isProven({ snapshots, events }: CapturedContext): boolean {
  return events.compared + snapshots.compared > 0;
}

async function beginTimeline(
  { state, capture, started }: TimelineTools,
  name: string,
  left: ContextState,
  reason: string,
  timelines: RecordedTimelines,
): Promise<Decision> {
  const timeline = nextTimeline(timelines, state.timelines(name));
  const branch = {
    timeline: left.timeline,
    restorePoint: left.restorePoint ?? null,
    reason,
    begun: started.toISOString(),
  };
  return {
    state: { ...state.empty(name, timeline), branch },
    captured: await capture(name, { snapshots: NOTHING_STORED, events: NOTHING_STORED }, 2),
    change: describeChange(name, left, timeline, reason, false),
    isGuarded: false,
  };
}

/**
 * The number of a new timeline: after all that restore points have. A number whose objects no restore point needs is taken again: they are of a run that was cut off, which this one goes on with. When
 * not every restore point can be read, nobody knows which are needed: then it comes after all that there are objects of.
 */
export function nextTimeline(
  { numbers, isIncomplete }: Pick<RecordedTimelines, "numbers" | "isIncomplete">,
  held: ReadonlySet<number>,
): number {
  return 1 + Math.max(0, ...numbers, ...(isIncomplete ? held : []));
}

/** What was found, and what follows, for people. */
export function describeTimelines({ context, timeline, from, reason, resumed }: TimelineChange): string {
  const goesOn = resumed
    ? `It goes on from timeline ${timeline}, which is continued`
    : `Everything of ${context} is stored anew, in timeline ${timeline}`;
  const kept =
    from === null
      ? "Older restore points that can't be read keep what they need"
      : `The last restore point of timeline ${from.timeline} is ${from.restorePoint}; it and all others stay, and can be restored`;
  return `the server's history of context ${context} is not the one that was backed up: ${reason}. ${goesOn}. ${kept}. Find out why the history changed`;
}

async function look(
  { capture }: TimelineTools,
  name: string,
  { stores }: ContextState,
  count: number,
): Promise<CapturedContext | Diverged> {
  const previous = Object.fromEntries(STORE_KINDS.map((store) => [store, stores[store].state]));
  try {
    return await capture(name, previous as Record<StoreKind, StoreState>, count);
  } catch (error) {
    if (error instanceof Diverged) return error;
    throw error;
  }
}

function describeChange(
  context: string,
  left: ContextState,
  timeline: number,
  reason: string,
  resumed: boolean,
): TimelineChange {
  const { restorePoint } = left;
  return {
    context,
    timeline,
    from: restorePoint === undefined ? null : { timeline: left.timeline, restorePoint },
    reason,
    resumed,
  };
}
