import type { IncomingMessage, Server } from "node:http";
import { resolve } from "node:path";

import { closeStores, type ContextStores, openStores } from "./context-stores.js";
import type { StandinEvent } from "./format/event.js";
import { type Store, STORES } from "./format/names.js";
import { HandoverClock } from "./handover-clock.js";
import type { StandinOptions } from "./options.js";
import { sampleEvents } from "./sample.js";
import { refusal, TOKEN_HEADER } from "./server/access.js";
import { type Misbehaviour, type MisbehaviourHandle, RuleSet } from "./server/misbehaviour.js";
import type { Heads } from "./server/node-facts.js";
import { serverPaths } from "./server/paths.js";
import { type ActiveRules, type Delivery, respond } from "./server/respond.js";
import type { ServerView } from "./server/routes.js";
import type { AppendSampleOptions, RecordedRequest, Standin } from "./standin.js";
import type { Appended, EventStore } from "./store/event-store.js";

/** Holds what a stand-in holds: its stores, its timers, its server. */
export class RunningStandin implements Standin {
  readonly storage: string;
  private readonly recorded: RecordedRequest[] = [];
  private readonly stores: ContextStores;
  private readonly view: ServerView;
  private readonly clock: HandoverClock | undefined;
  private active: ActiveRules;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly options: StandinOptions,
    private readonly server: Server,
    readonly url: string,
    readonly port: number,
  ) {
    this.storage = resolve(options.storage);
    this.stores = openStores(options);
    this.view = this.makeView();
    this.active = this.activate([]);
    const interval = options.handoverInterval ?? 1000;
    if (interval !== "manual" && interval > 0) this.clock = new HandoverClock(interval);
    for (const store of this.allStores()) this.clock?.watch(store);
  }

  get requests(): readonly RecordedRequest[] {
    return this.recorded;
  }

  forgetRequests(): void {
    this.recorded.length = 0;
  }

  append(context: string, events: readonly StandinEvent[]): Appended {
    return this.appendTo(this.store(context, "events"), events);
  }

  appendSnapshots(context: string, snapshots: readonly StandinEvent[]): Appended {
    return this.appendTo(this.store(context, "snapshots"), snapshots);
  }

  appendSample(context: string, count: number, options: AppendSampleOptions = {}): Appended {
    const { perTransaction = 5, extraBytes = 0 } = options;
    const store = this.store(context, "events");
    const firstToken = store.nextToken;
    let appended: Appended | undefined;
    for (let done = 0; done < count; done += perTransaction) {
      const events = sampleEvents(Math.min(perTransaction, count - done), {
        first: firstToken + done,
        extraBytes,
      });
      appended = this.appendTo(store, events);
    }
    if (appended === undefined) throw new RangeError(`appendSample: count must be 1 or more, not ${count}`);
    return { ...appended, firstToken };
  }

  head(context: string, store: Store = "events"): number {
    return this.store(context, store).nextToken - 1;
  }

  waiting(context: string, store: Store = "events"): number {
    return this.store(context, store).waitingSegments;
  }

  handover(count = 1): number {
    let done = 0;
    for (const store of this.allStores()) {
      for (let round = 0; round < count && store.handover(); round += 1) done += 1;
    }
    return done;
  }

  lengthenNames(): number {
    return this.allStores().reduce((sum, store) => sum + store.lengthenNames(), 0);
  }

  misbehave(rules: Misbehaviour | readonly Misbehaviour[] | undefined): MisbehaviourHandle {
    this.active.rules.release();
    this.active = this.activate(rules === undefined ? [] : "behaviour" in rules ? [rules] : rules);
    return this.active.rules;
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  /** Answers one request. Rejects when the stand-in itself fails, or when `signal` says that the client has gone. */
  async answer(request: IncomingMessage, signal: AbortSignal): Promise<Delivery> {
    const { pathname: path, searchParams: query } = new URL(request.url ?? "/", this.url);
    const method = request.method ?? "GET";
    const headerNames = Object.keys(request.headers).sort();
    this.recorded.push({ method, path, query: query.toString(), headerNames });
    const token = request.headers[TOKEN_HEADER];
    const { generation } = this.options;
    const refused = refusal(this.options.accessControl, typeof token === "string" ? token : undefined, {
      generation,
      method,
      path,
      now: this.view.now(),
    });
    return refused ? { answer: refused } : respond(this.view, { method, path, query }, this.active, signal);
  }

  private async closeAll(): Promise<void> {
    this.active.rules.release();
    const closed = new Promise<void>((done, failed) => {
      this.server.close((error) => {
        if (error) failed(error);
        else done();
      });
    });
    this.server.closeAllConnections();
    try {
      await closed;
      this.clock?.stop();
    } finally {
      closeStores(this.stores);
    }
  }

  private appendTo(store: EventStore, events: readonly StandinEvent[]): Appended {
    const appended = store.append(events);
    this.clock?.watch(store);
    return appended;
  }

  private store(context: string, store: Store): EventStore {
    const found = this.stores.get(context)?.[store];
    if (found === undefined) throw new RangeError(`the stand-in has no context "${context}"`);
    return found;
  }

  private allStores(): EventStore[] {
    return [...this.stores.values()].flatMap((stores) => STORES.map((store) => stores[store]));
  }

  private activate(rules: readonly Misbehaviour[]): ActiveRules {
    const stale = new Map(
      rules.some((rule) => rule.behaviour.kind === "stale-list")
        ? [...this.stores.keys()].flatMap((context) =>
            STORES.map((store) => [`${context} ${store}`, this.view.state(context, store)] as const),
          )
        : [],
    );
    return {
      rules: new RuleSet(rules),
      staleState: (context, store) => stale.get(`${context} ${store}`),
      ghosts: new Map(),
    };
  }

  private makeView(): ServerView {
    const { options, stores } = this;
    const contexts = [...stores.keys()].sort();
    const edition = options.edition ?? "SE";
    const ownGroups = Object.fromEntries(contexts.map((context) => [context, [context]]));
    return {
      facts: {
        generation: options.generation,
        edition,
        authentication: options.accessControl !== undefined,
        ssl: options.tls !== undefined,
        contexts,
        allContexts: edition === "EE" ? ["_admin", ...contexts] : contexts,
      },
      paths: serverPaths(options),
      groups: options.replicationGroups ?? { _admin: ["_admin"], ...ownGroups },
      now: options.clock ?? Date.now,
      heads: () => headsOf(stores),
      state: (context, store) => stores.get(context)?.[store].state(),
    };
  }
}

function headsOf(stores: ContextStores): Heads {
  const heads = [...stores].map(([context, { events, snapshots }]) => {
    return [context, { lastEvent: events.nextToken - 1, lastSnapshot: snapshots.nextToken - 1 }] as const;
  });
  return Object.fromEntries(heads);
}
