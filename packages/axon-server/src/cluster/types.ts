/** What a node does for a replication group, as Axon Server EE names it (docs/axon-server.md, section 7). */
export const NODE_ROLES = [
  "PRIMARY",
  "ACTIVE_BACKUP",
  "PASSIVE_BACKUP",
  "SECONDARY",
  "MESSAGING_ONLY",
] as const;
export type NodeRole = (typeof NODE_ROLES)[number];

/** A node's role in a group. */
export interface RoleOf {
  readonly node: string;
  /** As the server says it; one that isn't a `NodeRole` comes from a newer server, and is none that a backup may take files from. */
  readonly role: string;
}

/** What groups and contexts have in common. */
interface Changing {
  /** Whether members are being added or removed. */
  readonly changePending: boolean;
  /** Of the node that leads; undefined while there is none, or where the node asked doesn't know. */
  readonly leader: string | undefined;
  /** Sorted by node. */
  readonly roles: readonly RoleOf[];
}

/** A context, by `GET /v1/public/context`. */
export interface ClusterContext extends Changing {
  readonly context: string;
  readonly replicationGroup: string;
}

/** A replication group, by `GET /v1/public/replicationgroups`. */
export interface ReplicationGroup extends Changing {
  readonly name: string;
  /** Sorted. */
  readonly contexts: readonly string[];
}

/** A node of the cluster, by `GET /v1/public`. */
export interface ClusterNode {
  readonly name: string;
  /** Undefined where the server doesn't tell. */
  readonly hostName: string | undefined;
  readonly httpPort: number;
}

/** What a node says of itself, by `GET /v1/public/me`. */
export interface SelfFacts {
  readonly name: string;
  /** Whether it is an Axon Server EE. */
  readonly clustered: boolean;
  /** Whether it serves `_admin`: it has a control DB that is worth something, and knows groups and contexts. */
  readonly adminNode: boolean;
  /** Contexts that it knows, and those that it stores events for; sorted. */
  readonly contexts: readonly string[];
  readonly storageContexts: readonly string[];
}

/** A cluster as one of its nodes sees it. What isn't of the node itself comes from the admin tables: ask one that is an `adminNode`. */
export interface ClusterFacts {
  readonly self: SelfFacts;
  /** All sorted by name. */
  readonly nodes: readonly ClusterNode[];
  readonly groups: readonly ReplicationGroup[];
  readonly contexts: readonly ClusterContext[];
}
