import { type StoreKind, STORE_KINDS } from "@axon-backup/axon-server";
import { isSinkError } from "@axon-backup/sink";
import { Checkpointer } from "../backup/checkpointer.js";
import { cursorFor } from "../backup/divergence.js";
import type { ExclusivePuts } from "../backup/exclusive-puts.js";
import { longName } from "../backup/long-name.js";
import { type ClosedSource, planStore } from "../backup/plan.js";
import { segmentOf } from "../backup/store-files.js";
import { isVanished, Transfer } from "../backup/transfer.js";
import { EngineError } from "../errors.js";
import type { Observer } from "../observer.js";
import { storeFileKey } from "../repository/layout.js";
import type { ClosedFile, OpenSegment } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import { nextRestorePointId } from "../repository/restore-point-id.js";
import { Ended } from "./ended.js";
import type { FollowedContext } from "./plan-cycle.js";
import { contextOf, type Session } from "./session.js";
import type { FollowEvent, FollowOptions, WatchState } from "./types.js";

/** A segment that the server has closed, or an index file of it. */
interface Due {
  readonly context: string;
  readonly timeline: number;
  readonly store: StoreKind;
  readonly file: ClosedSource;
  /** What its copy on the sink begins with, of a segment. */
  readonly copy: OpenSegment | undefined;
}

/**
 * Stores what the server has closed since the restore point, whole, one file at a time, and writes it down in a checkpoint: the next restore point takes it over, once it has compared it with
 * the server's files.
 */
export class Settler {
  /** What was stored whole already, by context, store and name; undefined until it is read. */
  #done: Set<string> | undefined;
  readonly #checkpointer: Checkpointer;
  /** The last closed segment that everything up to was stored of, by context and store. */
  readonly #settled = new Map<string, number>();

  constructor(
    private readonly session: Pick<Session, "base" | "repository">,
    private readonly options: Pick<FollowOptions, "watch" | "sink" | "name">,
    now: Date,
    private readonly emit: (event: FollowEvent) => void,
  ) {
    const { repository, base } = session;
    this.#checkpointer = new Checkpointer(repository, nextRestorePointId(now, base.id), 0);
  }

  /** Whether the server has closed segments that are on the sink, and not stored whole yet. */
  isDue({ contexts }: Session, state: WatchState): boolean {
    return contexts.some((followed) =>
      STORE_KINDS.some(
        (store) =>
          this.#reach(followed, store, state) > (this.#settled.get(`${followed.name} ${store}`) ?? -1),
      ),
    );
  }

  /** Stores everything that is due. @param session as it is now: what it doesn't have yet waits */
  async settle(
    session: Session,
    state: WatchState,
    exclusive: ExclusivePuts,
    signal: AbortSignal,
  ): Promise<void> {
    const { sink, watch, name } = this.options;
    const repository = this.session.repository.withSignal(signal);
    const observer: Observer = (event) => {
      if (event.kind === "warning") this.emit({ kind: "warning", message: event.message });
    };
    const transfer = new Transfer(watch.source, sink, exclusive, name, observer, 1);
    this.#done ??= await readDone(repository);
    for (const followed of session.contexts)
      for (const store of STORE_KINDS) {
        const upTo = this.#reach(followed, store, state);
        const address = { context: followed.name, timeline: followed.timeline, store };
        for (const due of await this.#due(session, address, upTo, signal)) {
          const entry = await storeWhole(transfer, due, signal);
          this.#done.add(nameOf(due));
          if (entry === undefined) continue;
          await this.#checkpointer.stored(address, entry);
          this.emit({ kind: "settled", key: keyOf(due), bytes: entry.size });
        }
        this.#settled.set(`${followed.name} ${store}`, upTo);
      }
  }

  /** The last segment that is complete on the sink, and closed on the server; -1 for none. */
  #reach(followed: FollowedContext, store: StoreKind, { positions }: WatchState): number {
    const closed = positions.get(followed.name)?.[store].lastClosedSegment ?? -1;
    return followed[store].open.reduce((last, { name, complete }) => {
      const segment = segmentOf(name);
      return complete && segment <= closed ? Math.max(last, segment) : last;
    }, -1);
  }

  async #due(
    session: Session,
    { context, timeline, store }: Pick<Due, "context" | "timeline" | "store">,
    upTo: number,
    signal: AbortSignal,
  ): Promise<Due[]> {
    const { lastClosedSegment, lastVersion } = contextOf(session.base, context)[store];
    const copies = session.contexts.find(({ name }) => name === context)?.[store].open ?? [];
    const isStored = (segment: number): boolean =>
      copies.some((open) => open.complete && segmentOf(open.name) === segment);
    if (upTo < 0) return [];
    const cursor = cursorFor({ lastVersion, listAfter: lastClosedSegment });
    const listing = await this.options.watch.source.list(context, store, cursor, signal);
    const nothing = { closed: [], unfinished: new Map<string, ClosedFile>(), names: () => [] };
    const plan = planStore(listing, { ...nothing, sizeOf: () => undefined, isDamaged: () => false });
    return plan.files.flatMap((planned): Due[] => {
      if (planned.kind !== "new") return [];
      const { file } = planned;
      const copy = copies.find((open) => longName(open.name) === longName(file.name.name));
      const due = { context, timeline, store, file, copy };
      const isDue = file.name.segment <= upTo && isStored(file.name.segment) && !this.#done?.has(nameOf(due));
      return isDue ? [due] : [];
    });
  }
}

function nameOf({ context, timeline, store, file }: Omit<Due, "copy">): string {
  return `${context} ${timeline} ${store} ${file.name.name}`;
}

function keyOf({ context, timeline, store, file, copy }: Due): ReturnType<typeof storeFileKey> {
  return storeFileKey(context, timeline, store, copy?.name ?? file.name.name);
}

async function readDone(repository: Repository): Promise<Set<string>> {
  const done = new Set<string>();
  for (const { checkpoint } of await repository.checkpoints())
    for (const { context, timeline, store, files } of checkpoint?.stores ?? [])
      for (const { name } of files) done.add(`${context} ${timeline} ${store} ${name}`);
  return done;
}

/** @returns undefined for a file that isn't there: index files may be listed all the same, segments may have been moved; the next restore point finds out */
async function storeWhole(
  transfer: Transfer,
  due: Due,
  signal: AbortSignal,
): Promise<ClosedFile | undefined> {
  const { file, copy } = due;
  const beginning = copy && { bytes: copy.validBytes, sha256: copy.sha256 };
  try {
    return {
      ...(await transfer.closedFile(keyOf(due), file, undefined, signal, beginning)),
      name: copy?.name ?? file.name.name,
    };
  } catch (error) {
    if (isVanished(error)) return undefined;
    if (error instanceof EngineError && error.kind === "diverged" && !isSinkError(error))
      throw new Ended("changed", error.message);
    throw error;
  }
}
