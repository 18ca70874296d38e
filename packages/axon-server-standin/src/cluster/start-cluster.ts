import { join, resolve } from "node:path";

import { encodeEvent, type StandinEvent } from "../format/event.js";
import { encodeTransaction } from "../format/segment.js";
import type { StandinOptions } from "../options.js";
import type { RunningStandin } from "../running.js";
import { sampleEvents } from "../sample.js";
import type { AppendSampleOptions, Standin } from "../standin.js";
import { launch } from "../start.js";
import type { ClusterGroupOptions, ClusterNodeOptions, ClusterOptions, StandinCluster } from "./cluster.js";
import { ADMIN, type ClusterState, contextsOn, type GroupState, type NodeState, type Role } from "./state.js";

/** Types of log entries. What numbers real servers give them isn't known: nothing may depend on it. */
const ENTRY_TYPES = { events: 1, snapshots: 1, other: 1, leaderElected: 3 } as const;

/** Starts a cluster, and resolves when all of its nodes listen. */
export async function startCluster(options: ClusterOptions): Promise<StandinCluster> {
  const cluster = new RunningCluster(options);
  try {
    for (const { name } of options.nodes) await cluster.start(name);
    cluster.begin();
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

/** What a node does to its own stores; it is kept for those that are down. */
type Change = (node: RunningStandin) => void;

class RunningCluster implements StandinCluster {
  readonly directory: string;
  private readonly running = new Map<string, RunningStandin>();
  private readonly groups = new Map<string, GroupState>();
  private readonly known = new Map<string, NodeState>();
  private readonly missed = new Map<string, Change[]>();
  private readonly terms = new Map<string, number>();
  private readonly state: ClusterState;

  constructor(private readonly options: ClusterOptions) {
    this.directory = resolve(options.directory);
    const names = options.nodes.map(({ name }) => name);
    const all: ClusterGroupOptions = {
      contexts: [ADMIN],
      roles: Object.fromEntries(names.map((name) => [name, "PRIMARY" as const])),
    };
    for (const [name, group] of Object.entries({ [ADMIN]: all, ...options.groups })) {
      const primary = Object.entries(group.roles).find(([, role]) => role === "PRIMARY")?.[0];
      this.groups.set(name, {
        contexts: group.contexts,
        roles: group.roles,
        leader: options.groups[name]?.leader ?? primary,
      });
    }
    for (const name of names) {
      this.known.set(name, { name, hostName: "localhost", httpPort: 0 });
      this.missed.set(name, []);
    }
    this.state = { groups: this.groups, nodes: this.known, dcbContexts: new Set(options.dcbContexts) };
  }

  get nodes(): ReadonlyMap<string, Standin> {
    return this.running;
  }

  node(name: string): Standin {
    const found = this.running.get(name);
    if (found === undefined) throw new RangeError(`the node "${name}" doesn't run`);
    return found;
  }

  /** The first leaders are elected, unless the logs tell of earlier ones. */
  begin(): void {
    for (const [name, { leader, roles }] of this.groups) {
      const terms = Object.keys(roles).map((node) => this.running.get(node)?.logs?.get(name)?.lastTerm ?? 0);
      this.terms.set(name, Math.max(0, ...terms));
      if (leader !== undefined && this.termOf(name) === 0) this.elect(name, leader);
    }
  }

  append(context: string, events: readonly StandinEvent[]): void {
    this.appendTo(context, "events", events);
  }

  appendSnapshots(context: string, snapshots: readonly StandinEvent[]): void {
    this.appendTo(context, "snapshots", snapshots);
  }

  appendSample(context: string, count: number, options: AppendSampleOptions = {}): void {
    const { perTransaction = 5, extraBytes = 0 } = options;
    const holder = [...this.running.values()].find((node) => node.stores.has(context));
    if (holder === undefined) throw new RangeError(`no node that runs stores "${context}"`);
    const first = holder.head(context) + 1;
    for (let done = 0; done < count; done += perTransaction)
      this.append(
        context,
        sampleEvents(Math.min(perTransaction, count - done), { first: first + done, extraBytes }),
      );
  }

  appendLog(group: string, data: Uint8Array): void {
    this.appendEntry(group, ENTRY_TYPES.other, data);
  }

  elect(group: string, node: string): void {
    this.groups.set(group, { ...this.group(group), leader: node });
    this.terms.set(group, this.termOf(group) + 1);
    this.appendEntry(group, ENTRY_TYPES.leaderElected, Buffer.from(node));
  }

  setRole(group: string, node: string, role: Role | undefined): void {
    const { roles, ...rest } = this.group(group);
    const others = Object.entries(roles).filter(([name]) => name !== node);
    this.groups.set(group, {
      ...rest,
      roles: Object.fromEntries(role === undefined ? others : [...others, [node, role]]),
    });
  }

  async stop(name: string): Promise<void> {
    const node = this.running.get(name);
    this.running.delete(name);
    await node?.close();
  }

  async start(name: string): Promise<Standin> {
    if (this.running.has(name)) throw new RangeError(`the node "${name}" runs already`);
    const own = this.options.nodes.find((node) => node.name === name);
    if (own === undefined) throw new RangeError(`the cluster has no node "${name}"`);
    const node = await launch(this.optionsOf(own));
    this.running.set(name, node);
    this.known.set(name, { name, hostName: "localhost", httpPort: node.port });
    for (const change of this.missed.get(name)?.splice(0) ?? []) change(node);
    return node;
  }

  async close(): Promise<void> {
    const closed = await Promise.allSettled([...this.running.keys()].map((name) => this.stop(name)));
    for (const result of closed) if (result.status === "rejected") throw result.reason;
  }

  private optionsOf(own: ClusterNodeOptions): StandinOptions {
    const { name, ...ownOptions } = own;
    return {
      ...this.options,
      ...ownOptions,
      edition: "EE",
      storage: join(this.directory, name, "data"),
      cluster: { state: this.state, node: name },
    };
  }

  private appendTo(context: string, store: "events" | "snapshots", events: readonly StandinEvent[]): void {
    const group = [...this.groups].find(([, { contexts }]) => contexts.includes(context))?.[0];
    if (group === undefined) throw new RangeError(`the cluster has no context "${context}"`);
    this.appendEntry(group, ENTRY_TYPES[store], encodeTransaction(events.map(encodeEvent)));
    for (const name of Object.keys(this.group(group).roles)) {
      if (!contextsOn(this.state, name).stored.includes(context)) continue;
      this.change(name, (node) => {
        if (!node.stores.has(context)) return;
        if (store === "events") node.append(context, events);
        else node.appendSnapshots(context, events);
      });
    }
  }

  private appendEntry(group: string, type: number, data: Uint8Array): void {
    const term = this.termOf(group);
    for (const name of Object.keys(this.group(group).roles))
      this.change(name, (node) => node.logs?.get(group)?.append(term, type, data));
  }

  private change(name: string, change: Change): void {
    const node = this.running.get(name);
    if (node === undefined) this.missed.get(name)?.push(change);
    else change(node);
  }

  private group(name: string): GroupState {
    const found = this.groups.get(name);
    if (found === undefined) throw new RangeError(`the cluster has no replication group "${name}"`);
    return found;
  }

  private termOf(group: string): number {
    return this.terms.get(group) ?? 0;
  }
}
