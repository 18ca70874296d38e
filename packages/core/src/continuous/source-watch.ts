import { type ServerHeads, type ServerIdentity, type StoreKind, STORE_KINDS } from "@axon-backup/axon-server";
import { type Clock, systemClock } from "../sinks/clock.js";
import { onAbort } from "../sinks/signals.js";
import { StoreWatch, type StoreWatchTools } from "./store-watch.js";
import type {
  ContextPosition,
  SourceWatch,
  StorePosition,
  WatchEvent,
  WatchOptions,
  WatchState,
} from "./types.js";

/** Milliseconds between two questions what the server is, and which contexts it has. */
const IDENTIFY_MS = 60_000;
/** The same, after something has failed. */
const DOUBT_MS = 5000;

/** Begins to watch the server. */
export function watchSource(options: WatchOptions): SourceWatch {
  return new RunningWatch(options);
}

type Stores = Readonly<Record<StoreKind, StoreWatch>>;

class RunningWatch implements SourceWatch {
  readonly source;
  readonly interval;
  #state: WatchState = { revision: 0, identity: undefined, contexts: undefined, positions: new Map() };
  readonly #end = new AbortController();
  readonly #clock: Clock;
  readonly #now: () => Date;
  readonly #waiting = new Set<() => void>();
  readonly #stores = new Map<string, Stores>();
  #identified = -Infinity;
  #problem: string | undefined;
  /** Something failed, and the server hasn't answered since. */
  #isInDoubt = false;
  #awake: (() => void) | undefined;
  #isWoken = false;
  readonly #running: Promise<void>;

  constructor(private readonly options: WatchOptions) {
    this.source = options.source;
    this.interval = options.interval;
    this.#clock = options.clock ?? systemClock;
    this.#now = options.now ?? (() => new Date());
    this.#running = this.#run();
  }

  get state(): WatchState {
    return this.#state;
  }

  async next(seen: number, signal?: AbortSignal): Promise<WatchState> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#end.signal.aborted) throw new Error("the server isn't watched any more");
      if (this.#state.revision !== seen) return this.#state;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          release();
          this.#waiting.delete(done);
          resolve();
        };
        const release = onAbort(signal, done);
        this.#waiting.add(done);
      });
    }
  }

  wake(): void {
    this.#isWoken = true;
    this.#awake?.();
  }

  async close(): Promise<void> {
    this.#end.abort(new Error("the server isn't watched any more"));
    this.wake();
    await this.#running;
    this.#tell();
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      this.#isWoken = false;
      const more = await this.#round();
      if (!more) await this.#pause();
    }
    for (const stores of this.#stores.values())
      for (const store of STORE_KINDS) await stores[store].close().catch(() => undefined);
  }

  async #pause(): Promise<void> {
    if (this.#isWoken) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(this.interval, resolve);
      this.#awake = () => {
        cancel();
        resolve();
      };
    });
    this.#awake = undefined;
  }

  /** One look at everything. What fails is told, and looked at again in the next one. @returns whether there is more to be seen at once */
  async #round(): Promise<boolean> {
    const problems: unknown[] = [];
    const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        problems.push(error);
        return undefined;
      }
    };
    await attempt(() => this.#identify());
    const { contexts = [] } = this.#state;
    const heads = contexts.some((context) => this.#asksServer(context))
      ? await attempt(async () => this.source.heads?.(this.#end.signal))
      : undefined;
    let more = false;
    for (const context of contexts) {
      if (!this.#isCurrent(context, heads)) {
        const found = await attempt(() => this.#look(context));
        more ||= found === true;
      }
      for (const store of STORE_KINDS) await attempt(async () => this.#stores.get(context)?.[store].ask());
    }
    if (!this.#end.signal.aborted) this.#report(problems);
    return more && problems.length === 0;
  }

  async #identify(): Promise<void> {
    const { identity } = this.#state;
    const pause = this.#isInDoubt ? DOUBT_MS : IDENTIFY_MS;
    if (identity !== undefined && this.#clock.now() - this.#identified < pause) return;
    this.#identified = this.#clock.now();
    const found = await this.source.identify(this.#end.signal);
    this.#isInDoubt = false;
    this.#emit({ kind: "server", identity: found, at: this.#now() });
    const contexts = this.#chosen(found);
    if (JSON.stringify([found, contexts]) === JSON.stringify([identity, this.#state.contexts])) return;
    for (const [context, stores] of this.#stores)
      if (!contexts.includes(context)) {
        this.#stores.delete(context);
        for (const store of STORE_KINDS) await stores[store].close();
      }
    const positions = new Map([...this.#state.positions].filter(([context]) => contexts.includes(context)));
    this.#publish({ identity: found, contexts, positions });
  }

  #chosen({ contexts }: ServerIdentity): readonly string[] {
    const wanted = this.options.contexts;
    return [...new Set(wanted ? contexts.filter((name) => wanted.includes(name)) : contexts)].sort();
  }

  /** Looks at a context's stores, the snapshots first: where they end is fixed before where the events end. */
  async #look(context: string): Promise<boolean> {
    const watches = this.#stores.get(context) ?? this.#begin(context);
    this.#stores.set(context, watches);
    const moreSnapshots = await watches.snapshots.look();
    const snapshots = watches.snapshots.position;
    const moreEvents = await watches.events.look();
    const events = watches.events.position;
    const epoch = watches.snapshots.epoch + watches.events.epoch;
    const before = this.#state.positions.get(context);
    // As long as there are more events, the snapshots that were just seen may be of a state that those don't have.
    const fitting = !moreEvents ? snapshots : before?.epoch === epoch ? before.snapshots : undefined;
    if (fitting && events) this.#position({ context, epoch, snapshots: fitting, events });
    return moreSnapshots || moreEvents;
  }

  #begin(context: string): Stores {
    const tools: StoreWatchTools = {
      source: this.source,
      clock: this.#clock,
      now: this.#now,
      signal: this.#end.signal,
      warn: (message) => {
        this.#emit({ kind: "warning", message });
      },
    };
    return {
      snapshots: new StoreWatch(tools, context, "snapshots"),
      events: new StoreWatch(tools, context, "events"),
    };
  }

  #asksServer(context: string): boolean {
    const { notice = "auto" } = this.options;
    const stores = this.#stores.get(context);
    if (this.source.heads === undefined || notice === "files" || stores === undefined) return false;
    return notice === "server" || STORE_KINDS.some((store) => stores[store].isOnNetwork);
  }

  /** Whether the server itself says that there is nothing that wasn't seen. */
  #isCurrent(context: string, heads: ServerHeads | undefined): boolean {
    const position = this.#state.positions.get(context);
    const head = heads?.get(context);
    if (position === undefined || head === undefined || !this.#asksServer(context)) return false;
    return STORE_KINDS.every((store) => {
      if (!(store in head)) return false;
      const last = head[store];
      return position[store].nextToken === (last === undefined ? 0 : last + 1);
    });
  }

  #position(position: ContextPosition): void {
    const before = this.#state.positions.get(position.context);
    const isSame =
      before?.epoch === position.epoch &&
      STORE_KINDS.every((store) => isSameStore(before[store], position[store]));
    if (isSame) return;
    this.#publish({ positions: new Map(this.#state.positions).set(position.context, position) });
  }

  #publish(change: Partial<WatchState>): void {
    this.#state = { ...this.#state, ...change, revision: this.#state.revision + 1 };
    this.#tell();
  }

  #tell(): void {
    for (const done of [...this.#waiting]) done();
  }

  /** Tells of a problem once, and when it is over: that nothing failed in a look which didn't ask the server proves nothing. */
  #report(problems: readonly unknown[]): void {
    const [error] = problems;
    if (error === undefined && this.#isInDoubt) return;
    this.#isInDoubt = error !== undefined;
    const text = error instanceof Error ? error.message : error === undefined ? undefined : "unknown";
    if (text === this.#problem) return;
    this.#problem = text;
    const at = this.#now();
    this.#emit(error === undefined ? { kind: "recovered", at } : { kind: "problem", error, at });
  }

  #emit(event: WatchEvent): void {
    this.options.onEvent?.(event);
  }
}

function isSameStore(one: StorePosition, other: StorePosition): boolean {
  return one.segments === other.segments && one.lastClosedSegment === other.lastClosedSegment;
}
