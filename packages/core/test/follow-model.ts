import { setImmediate } from "node:timers/promises";
import {
  STORE_KINDS,
  type StoreCursor,
  type StoreKind,
  type StoreListing,
  token,
} from "@axon-backup/axon-server";
import { objectKey, readAll, type Sink } from "@axon-backup/sink";
import { type MemorySink, memorySink } from "@axon-backup/sink-testkit";
import {
  backup,
  type ContextManifest,
  follow,
  type FollowEnd,
  type FollowEvent,
  Repository,
  type SourceWatch,
  systemClock,
  verify,
  watchSource,
} from "../dist/index.js";
import { withPieces } from "../dist/repository/pieces.js";
import { filesOf, type Log, TimelineServer } from "./timeline-server.js";

/** A server with snapshots as well: each says how many events there were. */
export class SnapshotServer extends TimelineServer {
  snapshots: Log = [];
  /** What it calls the last closed segment. */
  readonly closed: Record<StoreKind, number> = { events: -1, snapshots: -1 };

  override async list(
    context: string,
    store: StoreKind,
    cursor: StoreCursor | undefined,
  ): Promise<StoreListing> {
    const all = await super.list(context, store, undefined);
    const last = this.closed[store];
    const segments = [...all.closed, ...all.open];
    return {
      ...all,
      lastClosedSegment: last === -1 ? undefined : token(last),
      closed: segments.filter(
        ({ name }) =>
          name.segment <= last && (cursor === undefined || name.segment > cursor.lastClosedSegment),
      ),
      open: segments.filter(({ name }) => name.segment > last),
    };
  }

  override files(context: string): Map<string, Buffer> {
    const log = this.logs.get(context) ?? [];
    return new Map([...filesOf(log, "events"), ...filesOf(this.snapshots, "snapshots")]);
  }

  get log(): Log {
    return this.logs.get("default") ?? [];
  }

  set log(log: Log) {
    this.logs.set("default", log);
  }
}

/** What a sink can do. */
export type Kind = "all" | "plain" | "put-only" | "small";

/** Bytes from which on a copy can be extended, on a sink of kind `small`: some segments of the model are longer, most copies shorter. */
const EXTEND_FROM = 150;

/** Milliseconds after which a follower doesn't get on any more. */
const STUCK = 20_000;

export class Killed extends Error {}

/** A sink of a process that is killed at one of its writes: that one may be half done where it needn't be atomic, and nothing comes after it. */
export function killedAt(inner: MemorySink, kind: Kind, after: number): Sink {
  let left = after;
  const dies = (): boolean => --left < 0;
  const alive = (): void => {
    if (left < 0) throw new Killed("killed");
  };
  const write = <Given extends readonly unknown[], Result>(
    call: (...given: Given) => Promise<Result>,
  ): ((...given: Given) => Promise<Result>) => {
    return async (...given) => {
      alive();
      if (dies()) throw new Killed("killed");
      return call(...given);
    };
  };
  const { ifAbsent, ifUnchanged } = inner.conditional;
  return {
    put: write((...given: Parameters<Sink["put"]>) => inner.put(...given)),
    async *get(...given) {
      alive();
      yield* inner.get(...given);
    },
    stat: async (...given) => {
      alive();
      return inner.stat(...given);
    },
    async *list(...given) {
      alive();
      yield* inner.list(...given);
    },
    delete: write((...given: Parameters<Sink["delete"]>) => inner.delete(...given)),
    close: () => Promise.resolve(),
    ...(kind === "small" && { extendFrom: EXTEND_FROM }),
    ...(kind !== "put-only" && {
      extend: async (key, keep, source, options) => {
        alive();
        const isLast = dies();
        const stored = await inner.extend(key, keep, source, options);
        if (!isLast) return stored;
        const object = inner.storage.get(key);
        // Half of it is there.
        if (object) {
          const bytes = object.bytes.subarray(0, keep + Math.floor(source.size / 2));
          inner.storage.set(key, { ...object, bytes });
        }
        throw new Killed("killed");
      },
    }),
    ...((kind === "all" || kind === "small") &&
      ifAbsent &&
      ifUnchanged && { conditional: { ifAbsent: write(ifAbsent), ifUnchanged: write(ifUnchanged) } }),
  };
}

/** A server, a sink, and a follower that may be killed. */
export class FollowModel {
  readonly server = new SnapshotServer();
  readonly sink = memorySink();
  /** Every history that the server ever had. */
  readonly histories: { readonly events: Log; readonly snapshots: Log }[] = [];
  readonly watch: SourceWatch;
  readonly ends: FollowEnd[] = [];
  kills = 0;
  cycles = 0;
  settled = 0;
  #number = 0;

  constructor(readonly kind: Kind) {
    this.remember();
    // Its seconds are short: what is asked for now and then is asked for in each look.
    const clock = { ...systemClock, now: () => performance.now() * 10_000 };
    this.watch = watchSource({ source: this.server, interval: 1, notice: "files", clock });
  }

  append(count: number): void {
    for (let index = 0; index < count; index++) this.server.log = [...this.server.log, `e${this.#number++}`];
    this.remember();
  }

  snapshot(): void {
    this.server.snapshots = [...this.server.snapshots, `s${this.#number++}-${this.server.log.length}`];
    this.remember();
  }

  /** The server hands complete segments over, except for some. */
  handOver(left: number): void {
    for (const store of STORE_KINDS)
      this.server.closed[store] = Math.max(
        this.server.closed[store],
        this.#complete(store).at(-1 - left) ?? -1,
      );
  }

  #complete(store: StoreKind): number[] {
    return [...this.server.files("default").keys()]
      .filter((name) => name.endsWith(store))
      .map((name) => Number.parseInt(name, 10))
      .slice(0, -1);
  }

  /** The events' tail is lost, with the snapshots of it. */
  cut(left: number): void {
    this.server.log = this.server.log.slice(0, left);
    this.server.snapshots = this.server.snapshots.filter((text) => madeAt(text) <= left);
    for (const store of STORE_KINDS)
      this.server.closed[store] = Math.min(this.server.closed[store], this.#complete(store).at(-1) ?? -1);
    this.remember();
  }

  remember(): void {
    this.histories.push({ events: this.server.log, snapshots: this.server.snapshots });
  }

  async backup(after = Infinity): Promise<void> {
    const sink = killedAt(this.sink, this.kind, after);
    const { sinks } = await backup({
      source: this.server,
      sinks: [{ name: "memory", open: () => Promise.resolve(sink) }],
      agent: "0.1.0",
      secondLook: 0,
      checkpointInterval: 0,
    });
    for (const report of sinks) if (report.outcome === "failed" && after === Infinity) throw report.error;
  }

  /** Follows until the sink has everything, or it ends, or is killed. @returns whether the sink has everything */
  async follow(after = Infinity): Promise<boolean> {
    const stop = new AbortController();
    const { length } = this.server.log;
    const snapshots = this.server.snapshots.length;
    const state = { over: false, has: false, held: false };
    let failure: Error | undefined;
    const onEvent = (event: FollowEvent): void => {
      if (event.kind === "cycle") this.cycles++;
      if (event.kind === "settled") this.settled++;
      if (event.kind === "lease") state.held = event.held;
      if (!("stored" in event)) return;
      const [mark] = event.stored.contexts;
      state.has = mark?.events.nextToken === length && mark.snapshots.nextToken === snapshots;
    };
    const following = follow({
      watch: this.watch,
      sink: killedAt(this.sink, this.kind, after),
      name: "memory",
      agent: "0.1.0",
      maxPutRate: { count: 1000, per: 1 },
      idle: 1,
      signal: stop.signal,
      onEvent,
    });
    following
      .then(
        (end) => this.ends.push(end),
        (error: unknown) => {
          if (error instanceof Killed) this.kills++;
          else if (!stop.signal.aborted && error instanceof Error) failure = error;
        },
      )
      .finally(() => (state.over = true));
    // Until it has given the lease back, and has done what it does in the background, so that it may be killed in anything that it does.
    const began = performance.now();
    for (let quiet = 0; !state.over && quiet < 5; quiet++) {
      await setImmediate();
      if (performance.now() - began > STUCK)
        throw new Error(
          `following is stuck: ${JSON.stringify([state, length, [...this.watch.state.positions]])}`,
        );
      if (!state.has || state.held || !this.#isSeen()) quiet = 0;
    }
    stop.abort(new Error("enough"));
    while (!state.over) await setImmediate();
    if (failure === undefined) return state.has;
    if (this.#wasBehind(failure)) return this.follow(after);
    throw failure;
  }

  /** Whether it was seen what the server calls closed. That it calls less closed than before, after it was wiped and written anew between two looks, is asked for by nobody. */
  #isSeen(): boolean {
    const position = this.watch.state.positions.get("default");
    return STORE_KINDS.every(
      (store) => (position?.[store].lastClosedSegment ?? -1) >= this.server.closed[store],
    );
  }

  /** A server that calls nothing closed any more is not believed as long as it has all that was open; then it hands over. */
  #wasBehind(error: unknown): boolean {
    if (!String(error).includes("can't be right")) return false;
    this.handOver(0);
    return true;
  }

  /** What counts on the sink is something that the server had; each snapshot's events are there. @returns how many events that is; undefined without a restore point */
  async check(): Promise<number | undefined> {
    const repository = await Repository.open(this.sink);
    if (repository === undefined) return undefined;
    const commits = await repository.commits();
    if (commits.head.state === "unreadable") throw commits.head.error;
    const newest = commits.restorePoints.at(-1);
    if (newest === undefined) return undefined;
    const manifest =
      commits.head.state === "current" ? commits.head.manifest : await repository.manifest(newest);
    const [context] = manifest.contexts;
    if (context === undefined) throw new Error("no context");
    const stored = {
      events: await this.#files(repository, context, "events"),
      snapshots: await this.#files(repository, context, "snapshots"),
    };
    const { events, snapshots } = {
      events: context.events.nextToken,
      snapshots: context.snapshots.nextToken,
    };
    const found = this.histories.find(
      (history) =>
        same(stored.events, filesOf(history.events.slice(0, events), "events")) &&
        same(stored.snapshots, filesOf(history.snapshots.slice(0, snapshots), "snapshots")),
    );
    if (found === undefined)
      throw new Error(`${manifest.id} with ${events} events is nothing that the server had`);
    const early = found.snapshots.slice(0, snapshots).find((text) => madeAt(text) > events);
    if (early !== undefined)
      throw new Error(`snapshot ${early} is of a state that ${events} events don't have`);
    return events;
  }

  async verify(): Promise<void> {
    const { findings } = await verify({ sink: this.sink, name: "memory", readData: true, mark: false });
    if (findings.length > 0) throw new Error(JSON.stringify(findings));
  }

  async close(): Promise<void> {
    await this.watch.close();
  }

  async #files(
    repository: Repository,
    context: ContextManifest,
    store: StoreKind,
  ): Promise<Map<string, Buffer>> {
    const folder = `${context.name}${context.timeline === 0 ? "" : `@${context.timeline}`}`;
    const read = (name: string, length = Infinity): Promise<Uint8Array> =>
      readAll(
        withPieces(this.sink).get(objectKey(`contexts/${folder}/${store}/${name}`), {
          range: { offset: 0, length },
        }),
      );
    const files = new Map<string, Buffer>();
    for (const { name } of await repository.closedFiles(context[store]))
      files.set(name, Buffer.from(await read(name)));
    for (const { name, validBytes, length } of context[store].open)
      files.set(
        name,
        Buffer.concat([validBytes > 0 ? await read(name, validBytes) : new Uint8Array()], length),
      );
    return files;
  }
}

function madeAt(snapshot: string): number {
  return Number(snapshot.split("-")[1]);
}

/** Whether both have the same segments; one without an event, at the end, is as good as none. */
function same(one: ReadonlyMap<string, Buffer>, other: ReadonlyMap<string, Buffer>): boolean {
  const text = (files: ReadonlyMap<string, Buffer>): string =>
    JSON.stringify(
      [...files]
        .filter(([, bytes]) => bytes.subarray(5).some((byte) => byte !== 0))
        .map(([name, bytes]) => [name, bytes.toString("hex")])
        .sort(),
    );
  return text(one) === text(other);
}
