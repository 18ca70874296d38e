import type { StandinEvent } from "../format/event.js";
import type { Generation, StandinOptions } from "../options.js";
import type { AppendSampleOptions, Standin } from "../standin.js";
import type { Role } from "./state.js";

/** A node of a cluster: its name, and what it has otherwise than the others. */
export interface ClusterNodeOptions extends Partial<
  Pick<
    StandinOptions,
    "segmentSize" | "logSegmentSize" | "serverPath" | "serverLogPath" | "logRetentionHours" | "generation"
  >
> {
  readonly name: string;
}

/** A replication group. */
export interface ClusterGroupOptions {
  readonly contexts: readonly string[];
  /** By node. */
  readonly roles: Readonly<Record<string, Role>>;
  /** Default: the first PRIMARY. */
  readonly leader?: string;
}

/** How to run a cluster. */
export interface ClusterOptions extends Omit<
  StandinOptions,
  "edition" | "storage" | "contexts" | "cluster" | "replicationGroups" | "generation" | "port" | "serverPath"
> {
  readonly generation: Generation;
  /** Each node has a directory of its own in it, `<node>/data`, `<node>/log` and `<node>/controldb-backups`. */
  readonly directory: string;
  readonly nodes: readonly [ClusterNodeOptions, ...ClusterNodeOptions[]];
  /** `_admin` is added, with all nodes PRIMARY, unless it is among them. */
  readonly groups: Readonly<Record<string, ClusterGroupOptions>>;
  /** Contexts that are listed, and whose files no call lists (2025.1). */
  readonly dcbContexts?: readonly string[];
}

/** A running cluster. What is appended is in the log of every member of the group that runs, and in the event store of every one that stores events; others catch up when they are started. */
export interface StandinCluster {
  /** The directory of all nodes. */
  readonly directory: string;
  /** Those that run. */
  readonly nodes: ReadonlyMap<string, Standin>;
  /** @throws RangeError if it doesn't run */
  node(name: string): Standin;

  append(context: string, events: readonly StandinEvent[]): void;
  appendSnapshots(context: string, snapshots: readonly StandinEvent[]): void;
  appendSample(context: string, count: number, options?: AppendSampleOptions): void;
  /** Appends an entry that is no event, such as a change of the configuration in `_admin`. */
  appendLog(group: string, data: Uint8Array): void;
  /** Makes a node the leader of a group, in a new term. */
  elect(group: string, node: string): void;
  /** Gives a node another role in a group; undefined: none. What it has on disk stays. Takes effect on the node's own stores when it is started again. */
  setRole(group: string, node: string, role: Role | undefined): void;

  stop(node: string): Promise<void>;
  /** Starts a node that was stopped, on another port, and brings it up to date. */
  start(node: string): Promise<Standin>;
  /** Stops all of them. */
  close(): Promise<void>;
}
