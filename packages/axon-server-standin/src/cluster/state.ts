/** What a node does for a replication group. */
export type Role = "PRIMARY" | "ACTIVE_BACKUP" | "PASSIVE_BACKUP" | "SECONDARY" | "MESSAGING_ONLY";

/** A replication group as the admin tables have it. */
export interface GroupState {
  readonly contexts: readonly string[];
  /** By node. */
  readonly roles: Readonly<Record<string, Role>>;
  /** Undefined while there is none. */
  readonly leader: string | undefined;
}

/** A node, as the list of nodes has it. */
export interface NodeState {
  readonly name: string;
  readonly hostName: string;
  /** 0 until it has been started. */
  readonly httpPort: number;
}

/** What all nodes of a cluster know. Its maps change as the cluster does. */
export interface ClusterState {
  readonly groups: ReadonlyMap<string, GroupState>;
  readonly nodes: ReadonlyMap<string, NodeState>;
  /** Contexts whose event store is of the kind of 2025.1: no call lists its files. */
  readonly dcbContexts: ReadonlySet<string>;
}

export const ADMIN = "_admin";

/** The cluster of one node, with a group per context unless told otherwise. */
export function clusterOfOne(
  node: NodeState,
  contexts: readonly string[],
  groups: Readonly<Record<string, readonly string[]>> | undefined,
): ClusterState {
  const own = Object.fromEntries(contexts.map((context) => [context, [context]]));
  const all = Object.entries(groups ?? { [ADMIN]: [ADMIN], ...own });
  return {
    nodes: new Map([[node.name, node]]),
    dcbContexts: new Set(),
    groups: new Map(
      all.map(([name, members]) => [
        name,
        { contexts: members, roles: { [node.name]: "PRIMARY" }, leader: node.name },
      ]),
    ),
  };
}

/** The groups that a node is a member of, with its role in each. */
export function memberships(
  { groups }: ClusterState,
  node: string,
): readonly { readonly name: string; readonly group: GroupState; readonly role: Role }[] {
  return [...groups].flatMap(([name, group]) => {
    const role = group.roles[node];
    return role === undefined ? [] : [{ name, group, role }];
  });
}

/** The contexts that a node knows, and those that it stores events for. Internal ones have no events. */
export function contextsOn(
  cluster: ClusterState,
  node: string,
): { readonly known: readonly string[]; readonly stored: readonly string[] } {
  const member = memberships(cluster, node);
  const stored = member
    .filter(({ role }) => role !== "MESSAGING_ONLY")
    .flatMap(({ group }) => group.contexts)
    .filter((context) => !context.startsWith("_"));
  return { known: member.flatMap(({ group }) => group.contexts).sort(), stored: stored.sort() };
}
