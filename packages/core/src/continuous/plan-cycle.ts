import { STORE_KINDS, type StoreKind, type Token } from "@axon-backup/axon-server";
import { longName } from "../backup/long-name.js";
import type { OpenSegment } from "../repository/manifest.js";
import type { ContextPosition, StorePosition, WatchedSegment } from "./types.js";

/** What a sink has of a store, and what the session knows of the server's files before those that are watched. */
export interface FollowedStore {
  /** What the restore point calls the last closed segment; null for none. */
  readonly after: Token | null;
  /** Segments that came after it, and were there before the watched ones. Ascending. */
  readonly early: readonly WatchedSegment[];
  /** What is on the sink of the segments after it. Ascending. */
  readonly open: readonly OpenSegment[];
}

export interface FollowedContext extends Readonly<Record<StoreKind, FollowedStore>> {
  readonly name: string;
  readonly timeline: number;
  readonly epoch: number;
}

/** A segment whose copy is to grow. */
export interface Step {
  readonly context: string;
  readonly timeline: number;
  readonly store: StoreKind;
  /** As far as it was seen. */
  readonly target: WatchedSegment;
  /** What is on the sink; undefined for nothing. */
  readonly stored: OpenSegment | undefined;
}

/** Segments of one store that grow in one cycle: what was stored counts soon, however much there is to catch up with. */
const STEPS_AT_ONCE = 4;

/** The segments after the restore point's closed ones, as far as they were seen; without those that hold no event yet. */
export function targetsOf({ after, early }: FollowedStore, { segments }: StorePosition): WatchedSegment[] {
  const first = segments[0]?.file.name.segment ?? 0;
  return [...early.filter(({ file }) => file.name.segment < first), ...segments].filter(
    ({ file, nextToken, complete, unknownFormat }) =>
      (after === null || file.name.segment > after) &&
      (complete || nextToken > file.name.segment || unknownFormat !== undefined),
  );
}

/**
 * What to store of a context in one cycle. Pure. Snapshots go only with all of the events that were seen: a head must have no snapshot of a state that its events don't have. So when there is much
 * to catch up with, events go first, some at a time.
 *
 * @param position where the context was seen to stand, the snapshots' end fixed before the events' end
 * @param isAllowed whether a step may be done now
 */
export function planContext(
  followed: FollowedContext,
  position: ContextPosition,
  isAllowed: (step: Step) => boolean,
): readonly Step[] {
  const steps = (store: StoreKind): Step[] => stepsOf(followed, position, store);
  const isUnknown = ({ unknownFormat }: { readonly unknownFormat?: number }): boolean =>
    unknownFormat !== undefined;
  // Nobody can tell which events these have, and which snapshots fit them.
  for (const store of STORE_KINDS)
    if (targetsOf(followed[store], position[store]).some(isUnknown) || followed[store].open.some(isUnknown))
      return [];
  const [snapshots, events] = [steps("snapshots"), steps("events")];
  const all = [...snapshots, ...events];
  if (!events.every(isAllowed)) return [];
  if (events.length > STEPS_AT_ONCE) return events.slice(0, STEPS_AT_ONCE);
  return snapshots.every(isAllowed) ? all : events;
}

function stepsOf(
  { name, timeline, ...stores }: FollowedContext,
  position: ContextPosition,
  store: StoreKind,
): Step[] {
  const stored = new Map(stores[store].open.map((open) => [longName(open.name), open]));
  return targetsOf(stores[store], position[store]).flatMap((target): Step[] => {
    const there = stored.get(longName(target.name));
    // What was taken over whole from another run may be more than was seen by now.
    if (there && (there.complete || there.validBytes >= target.validBytes)) return [];
    return [{ context: name, timeline, store, target, stored: there }];
  });
}

/** The store once the copies have grown. */
export function grown(store: FollowedStore, copies: readonly OpenSegment[]): FollowedStore {
  const open = new Map(store.open.map((segment) => [longName(segment.name), segment]));
  for (const copy of copies) open.set(longName(copy.name), copy);
  return {
    ...store,
    open: [...open].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, segment]) => segment),
  };
}

/** The token after the last event that the sink has of a store. */
export function nextTokenOf({ open }: Pick<FollowedStore, "open">): Token {
  return open.at(-1)?.nextToken ?? (0 as Token);
}
