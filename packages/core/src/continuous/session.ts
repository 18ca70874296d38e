import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import { isSinkError, type Sink } from "@axon-backup/sink";
import { segmentOf } from "../backup/store-files.js";
import { EngineError } from "../errors.js";
import type { HeadContext } from "../repository/head-manifest.js";
import { HEAD_KEY, REPOSITORY_KEY } from "../repository/layout.js";
import type { ContextManifest, Manifest } from "../repository/manifest.js";
import { options } from "../repository/read-optional.js";
import { Repository } from "../repository/repository.js";
import { requireSameRepository } from "../repository/repository-info.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { compareStore, type CompareTools } from "./compare.js";
import { Ended } from "./ended.js";
import { type FollowedContext, type FollowedStore, nextTokenOf, targetsOf } from "./plan-cycle.js";
import type { FollowOptions, StoredMoment, StoreMark, WatchState } from "./types.js";

/** What stands in `head.json`: nothing, a head, or something that can't be read. */
type HeadDocument = RestorePointId | "unreadable" | undefined;

/** What a sink has, compared with the server's files, and gone on from. */
export interface Session {
  readonly repository: Repository;
  readonly base: Manifest;
  /** Of the newest of both. */
  readonly id: RestorePointId;
  readonly at: Date;
  /** What the head is replaced instead of. */
  readonly document: HeadDocument;
  /** Of that document, on a sink that has them. */
  readonly version: string | undefined;
  readonly contexts: readonly FollowedContext[];
}

export type SessionTools = Pick<FollowOptions, "watch" | "sink"> & {
  readonly warn: (message: string) => void;
  readonly manySegments: number;
};

/**
 * Reads what the sink has, and compares it with the server's files. Reads alone.
 * @throws Ended when a restore point is needed; Diverged; SinkError, AxonServerError
 */
export async function beginSession(tools: SessionTools, signal: AbortSignal | undefined): Promise<Session> {
  const { sink, watch } = tools;
  const repository = await Repository.open(sink, signal);
  if (repository === undefined) throw new Ended("no-restore-point", "the sink is empty");
  const version = await versionOfHead(sink, signal);
  const { restorePoints, head } = await repository.commits();
  const newest = restorePoints.at(-1);
  if (newest === undefined) throw new Ended("no-restore-point", "the sink has no restore point yet");
  const base = head.state === "current" ? head.base : await readBase(repository, newest);
  requireSameRepository(base, repository.info.id, REPOSITORY_KEY);
  const stored = head.state === "current" ? head.manifest : base;
  const document =
    head.state === "none" ? undefined : head.state === "unreadable" ? "unreadable" : head.head.id;

  const state = await known(watch, base, signal);
  const contexts: FollowedContext[] = [];
  for (const context of stored.contexts)
    contexts.push(
      await compareContext({ ...tools, repository, source: watch.source, signal }, context, state),
    );
  return { repository, base, id: stored.id, at: new Date(stored.started), document, version, contexts };
}

/** Asked before it is read: a condition on it fails if what is there has changed since. */
async function versionOfHead(sink: Sink, signal: AbortSignal | undefined): Promise<string | undefined> {
  if (sink.conditional?.ifUnchanged === undefined) return undefined;
  try {
    return (await sink.stat(HEAD_KEY, options(signal))).version;
  } catch (error) {
    if (isSinkError(error, "not-found")) return undefined;
    throw error;
  }
}

async function readBase(repository: Repository, newest: RestorePointId): Promise<Manifest> {
  try {
    return await repository.manifest(newest);
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== "damage") throw error;
    throw new Ended("no-restore-point", `the newest restore point can't be gone on from: ${error.message}`);
  }
}

/** The server's state, once everything that is followed was seen. @throws Ended when the contexts are others */
async function known(
  watch: FollowOptions["watch"],
  base: Manifest,
  signal: AbortSignal | undefined,
): Promise<WatchState> {
  for (let { state } = watch; ; state = await watch.next(state.revision, signal)) {
    requireContexts(base, state);
    if (state.contexts?.every((name) => state.positions.has(name))) return state;
  }
}

/** @throws Ended */
export function requireContexts({ id, contexts: recorded }: Manifest, { contexts }: WatchState): void {
  if (contexts === undefined) return;
  const names = recorded.map(({ name }) => name);
  const added = contexts.filter((name) => !names.includes(name));
  const gone = names.filter((name) => !contexts.includes(name));
  const [first] = [...added.map((name) => `${name} isn't in`), ...gone.map((name) => `${name} is still in`)];
  if (first !== undefined) throw new Ended("contexts-changed", `context ${first} restore point ${id}`);
}

async function compareContext(
  tools: CompareTools,
  { name, timeline, ...stored }: ContextManifest,
  { positions }: WatchState,
): Promise<FollowedContext> {
  const position = positions.get(name);
  if (position === undefined) throw new Error(`context ${name} has not been seen`);
  const stores: Partial<Record<StoreKind, FollowedStore>> = {};
  for (const store of STORE_KINDS)
    stores[store] = await compareStore(tools, name, store, stored[store], position[store]);
  return { name, timeline, epoch: position.epoch, ...(stores as Record<StoreKind, FollowedStore>) };
}

/** Whether the sink is as the session knows it: somebody else may have written to it while nobody had the lease. */
export async function isCurrent({ base, document }: Session, repository: Repository): Promise<boolean> {
  let there: HeadDocument;
  try {
    there = (await repository.readHead())?.id;
  } catch (error) {
    if (!(error instanceof EngineError) || error.kind !== "damage") throw error;
    there = "unreadable";
  }
  return there === document && (await repository.restorePoints()).at(-1) === base.id;
}

/** Checks that the session can go on with what was seen. @throws Ended */
export function requireGoingOn(session: Session, state: WatchState, manySegments: number): void {
  requireContexts(session.base, state);
  for (const followed of session.contexts) {
    const position = state.positions.get(followed.name);
    if (position === undefined) continue;
    if (position.epoch !== followed.epoch)
      throw new Ended("changed", `files of context ${followed.name} are not those that were compared`);
    for (const store of STORE_KINDS) {
      const recorded = new Set(contextOf(session.base, followed.name)[store].open.map(({ name }) => name));
      const added = targetsOf(followed[store], position[store]).filter(
        ({ name, complete }) => complete && !recorded.has(name),
      );
      if (added.length >= manySegments)
        throw new Ended(
          "many-segments",
          `${followed.name} (${store}): ${added.length} segments are complete since the last restore point`,
        );
    }
  }
}

/** The context in the restore point that is gone on from. */
export function contextOf({ contexts, id }: Manifest, name: string): ContextManifest {
  const found = contexts.find((context) => context.name === name);
  if (found === undefined) throw new Error(`context ${name} is not in restore point ${id}`);
  return found;
}

/** What the head says of the contexts that have got on. */
export function headContexts({ base, contexts }: Session): HeadContext[] {
  return contexts.flatMap((followed) => {
    const recorded = contextOf(base, followed.name);
    const hasGotOn = STORE_KINDS.some(
      (store) => JSON.stringify(followed[store].open) !== JSON.stringify(recorded[store].open),
    );
    if (!hasGotOn) return [];
    const { name, timeline } = followed;
    const storeOf = (store: StoreKind) => ({
      nextToken: followed[store].open.length > 0 ? nextTokenOf(followed[store]) : recorded[store].nextToken,
      open: followed[store].open,
    });
    return [{ name, timeline, snapshots: storeOf("snapshots"), events: storeOf("events") }];
  });
}

/** What to tell of the sink. */
export function momentOf({ id, base, at, contexts }: Session): StoredMoment {
  const markOf = ({ open }: Pick<FollowedStore, "open">): StoreMark => {
    const last = open.at(-1);
    return {
      segment: last && segmentOf(last.name),
      validBytes: last?.validBytes ?? 0,
      nextToken: nextTokenOf({ open }),
    };
  };
  return {
    id,
    restorePoint: base.id,
    at,
    contexts: contexts.map((followed) => ({
      context: followed.name,
      snapshots: markOf(followed.snapshots),
      events: markOf(followed.events),
    })),
  };
}
