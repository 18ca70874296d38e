import { groupsOf, roleOf } from "../cluster/membership.js";
import type {
  ClusterContext,
  ClusterFacts,
  ClusterNode,
  ReplicationGroup,
  SelfFacts,
} from "../cluster/types.js";
import { AxonServerError } from "../errors.js";
import { quote } from "../text.js";
import { contextsIn, groupsIn, nodesIn, selfIn } from "./cluster-answers.js";
import type { Shape } from "./shapes.js";
import { MAX_ANSWER_BYTES } from "./transport.js";

/** A call that may be repeated, and how its answer is read. */
export interface Question<Result> {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Of the answer; small if not given. */
  readonly maxBytes?: number;
  readonly read: (shape: Shape, value: unknown) => Result;
}

/** Asks the server. Rejects with an AxonServerError. */
export type Ask = <Result>(question: Question<Result>, signal: AbortSignal | undefined) => Promise<Result>;

/** Answers that grow with the cluster: thousands of contexts. */
const LARGE = 32 * 1024 * 1024;

/**
 * The calls about clusters (docs/axon-server.md, sections 1 and 7). All but `self` and `nodes` are Enterprise's alone: an SE has none of them, and they reject with an
 * AxonServerError `unsupported` that says so.
 */
export class ClusterCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** What the node says of itself. */
  async self(signal?: AbortSignal): Promise<SelfFacts> {
    return this.#ask({ path: "/v1/public/me", read: selfIn }, signal);
  }

  /** The nodes of the cluster; of an SE, itself. */
  async nodes(signal?: AbortSignal): Promise<readonly ClusterNode[]> {
    return this.#ask({ path: "/v1/public", maxBytes: LARGE, read: nodesIn }, signal);
  }

  /** All contexts of the cluster, `_admin` included. */
  async contexts(signal?: AbortSignal): Promise<readonly ClusterContext[]> {
    return this.#enterprise({ path: "/v1/public/context", maxBytes: LARGE, read: contextsIn }, signal);
  }

  /** All replication groups of the cluster, `_admin` included. */
  async groups(signal?: AbortSignal): Promise<readonly ReplicationGroup[]> {
    return this.#enterprise(
      { path: "/v1/public/replicationgroups", maxBytes: LARGE, read: groupsIn },
      signal,
    );
  }

  /** All of it, in four calls at the same time; undefined of an SE, which isn't asked for the rest. */
  async facts(signal?: AbortSignal): Promise<ClusterFacts | undefined> {
    const self = await this.self(signal);
    if (!self.clustered) return undefined;
    const [nodes, groups, contexts] = await Promise.all([
      this.nodes(signal),
      this.groups(signal),
      this.contexts(signal),
    ]);
    return { self, nodes, groups, contexts };
  }

  /**
   * The paths of a replication group's log entry segments and their indexes, as the server has them, in no particular order: of the completed ones, and from EE 4.5.17 on of the current one.
   * Rejects with `unknown-group` if this node isn't a member: it answers 500 then, like to everything else that it stumbles over, so its groups are asked for.
   */
  async logFilenames(group: string, signal?: AbortSignal): Promise<readonly string[]> {
    const question: Question<readonly string[]> = {
      path: "/v1/backup/log/filenames",
      // For old times' sake that is what a group is called there.
      query: { context: group },
      maxBytes: MAX_ANSWER_BYTES,
      read: (shape, value) => shape.strings(value, "the answer"),
    };
    try {
      return await this.#enterprise(question, signal);
    } catch (error) {
      if (!(error instanceof AxonServerError) || error.kind !== "server-error") throw error;
      throw await this.#whyNoLog(group, error, signal);
    }
  }

  async #whyNoLog(
    group: string,
    error: AxonServerError,
    signal: AbortSignal | undefined,
  ): Promise<AxonServerError> {
    const asked = await Promise.allSettled([this.self(signal), this.groups(signal)]);
    signal?.throwIfAborted();
    const [self, groups] = asked;
    if (self.status === "rejected" || groups.status === "rejected") return maybeNoMember(group, error);
    const { name } = self.value;
    const found = groups.value.find((candidate) => candidate.name === group);
    // A node that doesn't know its own groups has no admin tables: it proves nothing.
    if (found === undefined && groupsOf({ groups: groups.value }, name).length === 0)
      return maybeNoMember(group, error);
    if (found === undefined)
      return new AxonServerError(
        "unknown-group",
        `the cluster has no replication group ${quote(group)}`,
        `It may have been removed just now: the next run will tell. It has: ${groups.value.map((known) => quote(known.name)).join(", ")}.`,
        error,
      );
    if (found.roles.some(({ node }) => node === name)) return error;
    const members = found.roles.map(
      ({ node }) => `${quote(node)} (${roleOf(found, node) ?? "unknown role"})`,
    );
    return new AxonServerError(
      "unknown-group",
      `the node ${quote(name)} is no member of the replication group ${quote(group)}, and has no log of it`,
      `Its members are ${members.join(", ")}: take the log from one that is PRIMARY.`,
      error,
    );
  }

  async #enterprise<Result>(question: Question<Result>, signal: AbortSignal | undefined): Promise<Result> {
    try {
      return await this.#ask(question, signal);
    } catch (error) {
      if (!(error instanceof AxonServerError) || error.kind !== "unsupported") throw error;
      throw new AxonServerError(
        "unsupported",
        `${error.message}; only Axon Server Enterprise has it, this is a Standard Edition`,
        "A Standard Edition has no cluster and no replication logs: back it up without. If it is an Enterprise Edition, check server.url.",
        error,
      );
    }
  }
}

function maybeNoMember(group: string, error: AxonServerError): AxonServerError {
  return new AxonServerError(
    error.kind,
    `${error.message}. That is also what a node answers that is no member of the replication group ${quote(group)}`,
    `Check that this node is a member of ${group}; if it is, look at the server's log at this time for the reason.`,
    error,
  );
}
