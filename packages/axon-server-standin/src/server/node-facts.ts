import type { NodeState } from "../cluster/state.js";
import { type Generation, hasVersions } from "../options.js";
import { type Answer, json, SERVER_VERSION } from "./answer.js";

/** What a node says about itself. */
export interface NodeFacts {
  readonly generation: Generation;
  readonly edition: "SE" | "EE";
  readonly authentication: boolean;
  readonly ssl: boolean;
  readonly node: NodeState;
  /** Whether it is a member of `_admin`; every SE says so of itself. */
  readonly adminNode: boolean;
  readonly contexts: readonly string[];
  /** Contexts with the one of the administration, on EE. */
  readonly allContexts: readonly string[];
}

export function versionAnswer({ generation }: NodeFacts): Answer {
  const version = { productName: "Axon Server", version: SERVER_VERSION[generation] };
  return json(generation, hasVersions(generation) ? { ...version, licenseType: null } : version);
}

export function meAnswer(facts: NodeFacts): Answer {
  const { generation } = facts;
  return json(generation, {
    authentication: facts.authentication,
    clustered: facts.edition === "EE",
    ssl: facts.ssl,
    adminNode: facts.adminNode,
    developmentMode: false,
    storageContextNames: facts.contexts,
    contextNames: facts.allContexts,
    ...(generation === "4.4" ? {} : { pluginsEnabled: true }),
    ...(hasVersions(generation) ? { initialized: true } : {}),
    ...nodeAnswer(facts.node),
  });
}

/** The node of the captured servers. */
export const CAPTURED_NODE: NodeState = { name: "axonserver", hostName: "localhost", httpPort: 8024 };

/** A node in the list of nodes: name and addresses. */
export function nodeAnswer({ name, hostName, httpPort }: NodeState): Readonly<Record<string, unknown>> {
  return { name, hostName, grpcPort: 8124, httpPort, internalHostName: null, grpcInternalPort: 0 };
}

/** The last token of each store; -1 for none. */
export type Heads = Readonly<Record<string, { readonly lastEvent: number; readonly lastSnapshot: number }>>;

const UP = { status: "UP" };

export function healthAnswer({ generation }: NodeFacts, heads: Heads): Answer {
  if (generation === "4.4") {
    return {
      status: 200,
      contentType: "application/vnd.spring-boot.actuator.v2+json;charset=UTF-8",
      body: JSON.stringify(UP),
    };
  }
  const components = {
    command: UP,
    db: { ...UP, details: { database: "H2", validationQuery: "isValid()" } },
    diskSpace: { ...UP, details: diskSpace(generation, Object.keys(heads)) },
    livenessState: UP,
    localEventStore: {
      ...UP,
      details: Object.assign({}, ...Object.entries(heads).map(storeDetails)) as unknown,
    },
    ping: UP,
    query: UP,
    readinessState: UP,
  };
  return {
    status: 200,
    contentType: "application/vnd.spring-boot.actuator.v3+json",
    body: JSON.stringify({ ...UP, components }),
  };
}

function storeDetails([context, head]: [string, Heads[string]]): Readonly<Record<string, number>> {
  return {
    [`${context}.lastEvent`]: head.lastEvent,
    [`${context}.lastSnapshot`]: head.lastSnapshot,
    [`${context}.waitingEventTransactions`]: 0,
    [`${context}.waitingSnapshotTransactions`]: 0,
  };
}

function diskSpace(generation: Generation, contexts: readonly string[]): Readonly<Record<string, unknown>> {
  const space = { path: "/", free: 81_855_590_400, total: 270_553_174_016 };
  const names = contexts.flatMap((context) =>
    hasVersions(generation)
      ? [`${context}-EVENT-event`, `${context}-SNAPSHOT-snapshot`]
      : [`${context}-event`, `${context}-snapshot`],
  );
  return { ...Object.fromEntries(names.map((name) => [name, space])), threshold: 268_435_456 };
}
