import type { Branch, ContextManifest, Manifest } from "./manifest.js";
import type { RestorePointId } from "./restore-point-id.js";

/** One timeline of a context, as a sink's restore points tell of it. */
export interface Timeline {
  readonly timeline: number;
  /** Where it left another one; null for the first. */
  readonly branch: Branch | null;
  /** Those that have the context in it, oldest first; none when they were all removed. */
  readonly restorePoints: readonly RestorePointId[];
  /** What the newest of them says of the context. */
  readonly newest: ContextManifest | undefined;
  /** Whether it is the one that goes on: the context's newest restore point is in it. */
  readonly isCurrent: boolean;
  /** The timelines that left it, ascending. */
  readonly branches: readonly Timeline[];
}

type Node = Omit<Timeline, "branches" | "restorePoints"> & { readonly restorePoints: RestorePointId[] };

/**
 * Each context's timelines as trees: mostly one, of one timeline. Contexts by name.
 * @param manifests in any order
 */
export function timelineTrees(manifests: readonly Manifest[]): ReadonlyMap<string, readonly Timeline[]> {
  const contexts = new Map<string, Map<number, Node>>();
  for (const { id, contexts: all } of [...manifests].sort((one, other) => (one.id < other.id ? -1 : 1)))
    for (const newest of all) {
      const nodes = contexts.get(newest.name) ?? new Map<number, Node>();
      contexts.set(newest.name, nodes);
      for (const [number, node] of nodes) nodes.set(number, { ...node, isCurrent: false });
      const branch = newest.branch ?? null;
      const restorePoints = [...(nodes.get(newest.timeline)?.restorePoints ?? []), id];
      nodes.set(newest.timeline, {
        timeline: newest.timeline,
        branch,
        restorePoints,
        newest,
        isCurrent: true,
      });
      if (branch !== null && !nodes.has(branch.timeline)) nodes.set(branch.timeline, unknownTimeline(branch));
    }
  return new Map(
    [...contexts]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, nodes]) => [name, grow([...nodes.values()], undefined)]),
  );
}

/** Of one that another one left, no restore point is there any more. */
function unknownTimeline({ timeline }: Branch): Node {
  return { timeline, branch: null, restorePoints: [], newest: undefined, isCurrent: false };
}

function grow(nodes: readonly Node[], parent: number | undefined): Timeline[] {
  return nodes
    .filter((node) => parentOf(node) === parent)
    .sort((one, other) => one.timeline - other.timeline)
    .map((node) => ({ ...node, branches: grow(nodes, node.timeline) }));
}

/** A later timeline leaves an earlier one: a manifest that says otherwise must not send anybody in circles. */
function parentOf({ timeline, branch }: Node): number | undefined {
  return branch !== null && branch.timeline < timeline ? branch.timeline : undefined;
}
