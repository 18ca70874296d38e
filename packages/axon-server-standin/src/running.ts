import type { IncomingMessage, Server } from "node:http";
import { resolve } from "node:path";

import { ADMIN, clusterOfOne, type ClusterState, contextsOn, memberships } from "./cluster/state.js";
import { LOG_SEGMENT_BYTES, NodeLogs } from "./cluster/node-logs.js";
import { closeStores, type ContextStores, openStores } from "./context-stores.js";
import type { StandinEvent } from "./format/event.js";
import { type Store, STORES } from "./format/names.js";
import { HandoverClock } from "./handover-clock.js";
import type { StandinOptions } from "./options.js";
import { sampleEvents } from "./sample.js";
import { refusal, TOKEN_HEADER } from "./server/access.js";
import { type Misbehaviour, type MisbehaviourHandle, RuleSet } from "./server/misbehaviour.js";
import { CAPTURED_NODE, type Heads, type NodeFacts } from "./server/node-facts.js";
import { serverPaths } from "./server/paths.js";
import { type ActiveRules, type Delivery, respond } from "./server/respond.js";
import type { ServerView } from "./server/routes.js";
import type { AppendSampleOptions, ControlDbBackup, RecordedRequest, Standin } from "./standin.js";
import type { Appended, EventStore } from "./store/event-store.js";
import type { Transformation } from "./transform/transformation.js";

/** Holds what a stand-in holds: its stores, its timers, its server. */
export class RunningStandin implements Standin {
  readonly storage: string;
  private readonly recorded: RecordedRequest[] = [];
  readonly stores: ContextStores;
  private readonly view: ServerView;
  private readonly clock: HandoverClock | undefined;
  readonly logs: NodeLogs | undefined;
  private readonly controlDbs: ControlDbBackup[] = [];
  private isReady = true;
  private active: ActiveRules;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly options: StandinOptions,
    private readonly server: Server,
    readonly url: string,
    readonly port: number,
  ) {
    this.storage = resolve(options.storage);
    const member = options.cluster;
    this.stores = openStores(
      member === undefined ? options : { ...options, contexts: eventContexts(member.state, member.node) },
    );
    this.logs = member && openLogs(options, member.state, member.node);
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

  get controlDbBackups(): readonly ControlDbBackup[] {
    return this.controlDbs;
  }

  setReady(ready: boolean): void {
    this.isReady = ready;
  }

  cleanUpLogs(): readonly string[] {
    return this.logs?.cleanUpWhenDue() ?? [];
  }

  beginTransformation(context: string, deleted: Iterable<number>): Transformation {
    return this.store(context, "events").beginTransformation(deleted);
  }

  transform(context: string, deleted: Iterable<number>): number {
    const transformation = this.beginTransformation(context, deleted);
    transformation.apply();
    return transformation.version;
  }

  compact(context: string): readonly string[] {
    return this.store(context, "events").compact();
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
    this.logs?.cleanUpWhenDue();
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
      this.logs?.close();
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

  private alone(): ClusterState {
    return clusterOfOne(CAPTURED_NODE, [...this.stores.keys()].sort(), this.options.replicationGroups);
  }

  private facts(cluster: ClusterState): NodeFacts {
    const { options } = this;
    const edition = options.edition ?? "SE";
    const stored = [...this.stores.keys()].sort();
    const common = {
      generation: options.generation,
      edition,
      authentication: options.accessControl !== undefined,
      ssl: options.tls !== undefined,
    };
    if (options.cluster === undefined) {
      const allContexts = edition === "EE" ? [ADMIN, ...stored] : stored;
      return { ...common, node: CAPTURED_NODE, adminNode: true, contexts: stored, allContexts };
    }
    const { node } = options.cluster;
    const on = contextsOn(cluster, node);
    return {
      ...common,
      node: cluster.nodes.get(node) ?? { ...CAPTURED_NODE, name: node },
      adminNode: memberships(cluster, node).some(({ name }) => name === ADMIN),
      contexts: on.stored,
      allContexts: on.known,
    };
  }

  private makeView(): ServerView {
    const { options, stores } = this;
    const cluster = options.cluster?.state ?? this.alone();
    const facts = (): NodeFacts => this.facts(cluster);
    return {
      // Anew each time: a cluster's roles and addresses change.
      get facts() {
        return facts();
      },
      cluster,
      ready: () => this.isReady,
      controlDbWritten: (name) => {
        this.logs?.holdOff();
        this.controlDbs.push({ name, commitIndexes: this.logs?.commitIndexes() ?? {} });
      },
      paths: serverPaths(options),
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

/** The contexts of a node that have stores in the form that this stand-in writes. */
function eventContexts(cluster: ClusterState, node: string): readonly string[] {
  return contextsOn(cluster, node).stored.filter((context) => !cluster.dcbContexts.has(context));
}

function openLogs(options: StandinOptions, cluster: ClusterState, node: string): NodeLogs {
  return new NodeLogs({
    directory: serverPaths(options).log.here,
    groups: memberships(cluster, node).map(({ name }) => name),
    segmentSize: options.logSegmentSize ?? LOG_SEGMENT_BYTES,
    retentionHours: options.logRetentionHours ?? 1,
    clock: options.clock ?? Date.now,
  });
}
