import { type ClusterFacts, NODE_ROLES, type NodeRole, type ReplicationGroup } from "./types.js";

/** The replication group of the cluster's own administration, which a backup needs as well. */
export const ADMIN_GROUP = "_admin";

/** Whether a group or context is the server's own: its name begins with `_`. Its log is backed up; it has no events. */
export function isInternal(name: string): boolean {
  return name.startsWith("_");
}

/** A node's role in a group; undefined if it is no member, or has a role that isn't known. */
export function roleOf(group: Pick<ReplicationGroup, "roles">, node: string): NodeRole | undefined {
  const found = group.roles.find((role) => role.node === node)?.role;
  return NODE_ROLES.find((role) => role === found);
}

/** Whether a node's files of the group are what a backup may take: it is a PRIMARY member. */
export function isPrimary(group: Pick<ReplicationGroup, "roles">, node: string): boolean {
  return roleOf(group, node) === "PRIMARY";
}

/** The nodes that a group's files can be taken from. Sorted, the leader, which is never behind, first. */
export function primariesOf(group: Pick<ReplicationGroup, "roles" | "leader">): readonly string[] {
  const nodes = group.roles.filter(({ role }) => role === "PRIMARY").map(({ node }) => node);
  return nodes.sort(
    (a, b) => Number(b === group.leader) - Number(a === group.leader) || (a < b ? -1 : a > b ? 1 : 0),
  );
}

/** The groups that a node is a member of, whatever its role. */
export function groupsOf(
  { groups }: Pick<ClusterFacts, "groups">,
  node: string,
): readonly ReplicationGroup[] {
  return groups.filter(({ roles }) => roles.some((role) => role.node === node));
}
