import { ADMIN_GROUP, isInternal, isPrimary, primariesOf } from "./membership.js";
import type { ClusterFacts, ReplicationGroup } from "./types.js";

/** A node as a run finds it. */
export interface NodeView {
  readonly name: string;
  /** Whether it answers, and can serve backups now (no AXONIQ-7000). */
  readonly isReady: boolean;
  /** Whether its files can be read on this machine. The control DB's backup is one of them. */
  readonly hasFilesHere: boolean;
  readonly adminNode: boolean;
}

/** What to plan from. */
export interface ClusterPlanInput {
  readonly facts: Pick<ClusterFacts, "groups" | "contexts">;
  readonly nodes: readonly NodeView[];
  /** Contexts that are wanted; all that there are if not given. */
  readonly wanted?: readonly string[];
  /** Contexts that aren't. */
  readonly excluded?: readonly string[];
  /** The node that a group's files were taken from last, as the newest restore point has it: it is kept where it can be, because nodes may differ in where their segments end. */
  readonly previous?: ReadonlyMap<string, string>;
}

/** Why there is no node to take a group's files from. */
export type NoNode =
  /** None is a PRIMARY member. */
  | "no-primary"
  /** No PRIMARY member is among the nodes that are configured here, or its files can't be read on this machine. */
  | "not-here"
  /** Those whose files can be read don't answer, or aren't ready. */
  | "not-ready";

/** A group whose log is taken, and its contexts whose files are: all from the same node. */
export interface PlannedGroup {
  readonly group: string;
  readonly node: string;
  /** Sorted; none of `_admin`, nor of a group whose contexts are all left out. */
  readonly contexts: readonly string[];
}

/** Which node gives what. A run with anything in `missingGroups` or `missingContexts` is partial at best. */
export interface ClusterPlan {
  /** The node to ask for the control DB; undefined if no ready one serves `_admin` and has its files here. */
  readonly controlDb: string | undefined;
  /** Other nodes that logs are taken from and that can be asked for the control DB as well: the call holds off the clean-up of logs on its own node only. */
  readonly holdOff: readonly string[];
  /** Nodes that logs are taken from, and whose clean-up nothing holds off: they don't serve `_admin`. */
  readonly notHeldOff: readonly string[];
  /** Sorted by name. */
  readonly groups: readonly PlannedGroup[];
  readonly missingGroups: readonly { readonly group: string; readonly reason: NoNode }[];
  /** Wanted contexts that can't be backed up here; `unknown`: the cluster has none of that name. */
  readonly missingContexts: readonly { readonly context: string; readonly reason: NoNode | "unknown" }[];
}

/**
 * Chooses nodes. A group's log and the files of its contexts come from one PRIMARY member, and never from two: the one of last time if it can give them; else the node of the control DB, whose
 * commit indexes are those of its own logs, and where their clean-up is held off; else the leader; else the first by name. The control DB comes from the node of `_admin` that can give the most groups.
 */
export function planCluster(input: ClusterPlanInput): ClusterPlan {
  const { facts, nodes, previous } = input;
  const excluded = new Set(input.excluded);
  const known = facts.contexts.map(({ context }) => context).filter((context) => !isInternal(context));
  const wanted = new Set((input.wanted ?? known).filter((context) => !excluded.has(context)));
  const controlDb = controlDbNode(input);
  const groups: PlannedGroup[] = [];
  const missingGroups: { group: string; reason: NoNode }[] = [];
  const missingContexts: { context: string; reason: NoNode | "unknown" }[] = [];
  for (const group of [...facts.groups].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const contexts = facts.contexts
      .filter(({ replicationGroup, context }) => replicationGroup === group.name && wanted.has(context))
      .map(({ context }) => context)
      .sort();
    const node = nodeFor(group, nodes, [previous?.get(group.name), controlDb]);
    if ("reason" in node) {
      missingGroups.push({ group: group.name, reason: node.reason });
      missingContexts.push(...contexts.map((context) => ({ context, reason: node.reason })));
    } else groups.push({ group: group.name, node: node.name, contexts });
  }
  for (const context of wanted)
    if (!known.includes(context)) missingContexts.push({ context, reason: "unknown" });
  missingContexts.sort((a, b) => (a.context < b.context ? -1 : 1));
  return { controlDb, ...planHoldOff(groups, nodes, controlDb), groups, missingGroups, missingContexts };
}

function nodeFor(
  group: ReplicationGroup,
  nodes: readonly NodeView[],
  preferred: readonly (string | undefined)[],
): { readonly name: string } | { readonly reason: NoNode } {
  const primaries = primariesOf(group);
  if (primaries.length === 0) return { reason: "no-primary" };
  const here = primaries.filter((name) => nodes.some((node) => node.name === name && node.hasFilesHere));
  if (here.length === 0) return { reason: "not-here" };
  const ready = here.filter((name) => nodes.some((node) => node.name === name && node.isReady));
  const [first] = ready;
  if (first === undefined) return { reason: "not-ready" };
  return { name: preferred.find((name) => name !== undefined && ready.includes(name)) ?? first };
}

function controlDbNode({ facts: { groups }, nodes, previous }: ClusterPlanInput): string | undefined {
  const gives = (name: string): number => groups.filter((group) => isPrimary(group, name)).length;
  const gave = (name: string): number =>
    groups.filter((group) => isPrimary(group, name) && previous?.get(group.name) === name).length;
  const leads = (name: string): number =>
    groups.some((group) => group.name === ADMIN_GROUP && group.leader === name) ? 1 : 0;
  return nodes
    .filter(isAdmin)
    .map(({ name }) => name)
    .sort((a, b) => gives(b) - gives(a) || gave(b) - gave(a) || leads(b) - leads(a) || (a < b ? -1 : 1))[0];
}

/** Whether a node can be asked for the control DB now. */
const isAdmin = ({ adminNode, isReady, hasFilesHere }: NodeView): boolean =>
  adminNode && isReady && hasFilesHere;

function planHoldOff(
  groups: readonly PlannedGroup[],
  nodes: readonly NodeView[],
  controlDb: string | undefined,
): Pick<ClusterPlan, "holdOff" | "notHeldOff"> {
  const admins = nodes.filter(isAdmin).map(({ name }) => name);
  const others = [...new Set(groups.map(({ node }) => node))].filter((name) => name !== controlDb).sort();
  return {
    holdOff: others.filter((name) => admins.includes(name)),
    notHeldOff: others.filter((name) => !admins.includes(name)),
  };
}
