import type { ClusterContext, ClusterNode, ReplicationGroup, RoleOf, SelfFacts } from "../cluster/types.js";
import type { Shape } from "./shapes.js";

/** `GET /v1/public/me` */
export function selfIn(shape: Shape, value: unknown): SelfFacts {
  const fields = shape.object(value, "the answer");
  return {
    name: shape.string(fields["name"], "name"),
    clustered: shape.boolean(fields["clustered"], "clustered"),
    adminNode: shape.boolean(fields["adminNode"], "adminNode"),
    contexts: [...shape.strings(fields["contextNames"], "contextNames")].sort(),
    storageContexts: [...shape.strings(fields["storageContextNames"], "storageContextNames")].sort(),
  };
}

/** `GET /v1/public` */
export function nodesIn(shape: Shape, value: unknown): readonly ClusterNode[] {
  const nodes = shape.list(value, "the answer").map((item) => {
    const fields = shape.object(item, "a node");
    return {
      name: shape.string(fields["name"], "name"),
      hostName: shape.stringOrNone(fields["hostName"], "hostName"),
      httpPort: shape.integer(fields["httpPort"], "httpPort"),
    };
  });
  return distinct(shape, nodes, ({ name }) => name, "node");
}

/** `GET /v1/public/context` */
export function contextsIn(shape: Shape, value: unknown): readonly ClusterContext[] {
  const contexts = shape.list(value, "the answer").map((item) => {
    const fields = shape.object(item, "a context");
    return {
      context: shape.string(fields["context"], "context"),
      replicationGroup: shape.string(fields["replicationGroup"], "replicationGroup"),
      ...changing(shape, fields),
    };
  });
  return distinct(shape, contexts, ({ context }) => context, "context");
}

/** `GET /v1/public/replicationgroups` */
export function groupsIn(shape: Shape, value: unknown): readonly ReplicationGroup[] {
  const groups = shape.list(value, "the answer").map((item) => {
    const fields = shape.object(item, "a replication group");
    const contexts = shape
      .list(fields["contexts"], "contexts")
      .map((context) => shape.string(shape.object(context, "contexts[]")["context"], "context"));
    return {
      name: shape.string(fields["name"], "name"),
      contexts: [...new Set(contexts)].sort(),
      ...changing(shape, fields),
    };
  });
  return distinct(shape, groups, ({ name }) => name, "replication group");
}

function changing(
  shape: Shape,
  fields: Readonly<Record<string, unknown>>,
): Pick<ReplicationGroup, "changePending" | "leader" | "roles"> {
  const roles = shape.list(fields["roles"], "roles").map((item): RoleOf => {
    const role = shape.object(item, "roles[]");
    return { node: shape.string(role["node"], "node"), role: shape.string(role["role"], "role") };
  });
  return {
    changePending: shape.boolean(fields["changePending"], "changePending"),
    leader: shape.stringOrNone(fields["leader"], "leader"),
    roles: distinct(shape, roles, ({ node }) => node, "role of the node"),
  };
}

/** Sorted; two of one name would leave open which one counts. */
function distinct<Item>(
  shape: Shape,
  items: readonly Item[],
  nameOf: (item: Item) => string,
  what: string,
): readonly Item[] {
  const sorted = [...items].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0));
  sorted.forEach((item, position) => {
    const before = sorted[position - 1];
    if (before !== undefined && nameOf(before) === nameOf(item))
      throw shape.problem(`it names the ${what} ${JSON.stringify(nameOf(item))} twice`);
  });
  return sorted;
}
