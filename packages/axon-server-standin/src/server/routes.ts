import { writeControlDbBackup } from "../controldb.js";
import type { ClusterState } from "../cluster/state.js";
import type { Store } from "../format/names.js";
import type { StoreState } from "../store/event-store.js";
import { type Answer, errorAnswer, json, text } from "./answer.js";
import { contextsOf, groupsOf, logFiles } from "./enterprise.js";
import { closedFiles, type ListingRequest, openFiles } from "./listing.js";
import {
  type Heads,
  healthAnswer,
  meAnswer,
  nodeAnswer,
  type NodeFacts,
  versionAnswer,
} from "./node-facts.js";
import type { ServerPaths } from "./paths.js";

/** What the calls are answered from. */
export interface ServerView {
  readonly facts: NodeFacts;
  readonly paths: ServerPaths;
  readonly cluster: ClusterState;
  /** Whether the node can serve backups now. */
  ready(): boolean;
  /** A control DB backup was written: told with its name. */
  controlDbWritten(name: string): void;
  /** Milliseconds since 1970. */
  now(): number;
  heads(): Heads;
  /** Undefined for a context that isn't there. */
  state(context: string, store: Store): StoreState | undefined;
}

/** A listing before it is put into an answer, so that misbehaviour can change it. */
export interface Listing {
  /** Undefined where the call doesn't tell. */
  readonly lastClosedSegment: number | undefined;
  readonly filenames: readonly string[];
}

export type Outcome = { readonly answer: Answer } | { readonly listing: Listing };

/** A parameter that the server can't read: status 500, as real ones have it. */
class BadParameter extends Error {}

type Handler = (view: ServerView, query: URLSearchParams) => Outcome | Promise<Outcome>;

const json200 = (view: ServerView, value: unknown): Outcome => ({
  answer: json(view.facts.generation, value),
});

const COMMON: Readonly<Record<string, Handler>> = {
  "GET /v1/public/version": (view) => ({ answer: versionAnswer(view.facts) }),
  "GET /v1/public/me": (view) => ({ answer: meAnswer(view.facts) }),
  "GET /v1/public/mycontexts": (view) => json200(view, view.facts.contexts),
  "GET /v1/public": (view) => json200(view, [...view.cluster.nodes.values()].map(nodeAnswer)),
  "GET /actuator/health": (view) => ({ answer: healthAnswer(view.facts, view.heads()) }),
  "GET /v1/backup/filenames": (view, query) => {
    const request = listingRequest(view, query, "context", "lastSegmentBackedUp", "lastVersionBackedUp");
    return { listing: { lastClosedSegment: undefined, filenames: request ? closedFiles(request) : [] } };
  },
};

const EVENTSTORE: Readonly<Record<string, Handler>> = {
  "GET /v1/backup/eventstore": (view, query) => {
    const request = listingRequest(
      view,
      query,
      "targetContext",
      "lastClosedSegmentBackedUp",
      "lastClosedVersionBackedUp",
    );
    if (request === undefined) {
      return {
        answer: text(
          503,
          `[AXONIQ-6000] Missing worker for context: ${query.get("targetContext") ?? "default"}`,
        ),
      };
    }
    const filenames = [...openFiles(request), ...closedFiles(request)];
    return { listing: { lastClosedSegment: request.state.lastClosed, filenames } };
  },
};

const STANDARD: Readonly<Record<string, Handler>> = { "POST /createControlDbBackup": createControlDbBackup };

const ENTERPRISE: Readonly<Record<string, Handler>> = {
  "POST /v1/backup/createControlDbBackup": createControlDbBackup,
  "GET /v1/public/context": (view) => json200(view, contextsOf(view.cluster)),
  "GET /v1/public/replicationgroups": (view) => json200(view, groupsOf(view.cluster)),
  "GET /v1/backup/log/filenames": (view, query) => {
    const group = query.get("context") ?? "default";
    const isMember = view.facts.node.name in (view.cluster.groups.get(group)?.roles ?? {});
    // Of EE 4.4.2: a null pointer, so that nothing tells this failure from another one.
    if (!isMember) throw new BadParameter("No message available");
    const filenames = logFiles(view.paths.log, group, view.facts.generation);
    return { listing: { lastClosedSegment: undefined, filenames } };
  },
};

/** Answers one request, as the server of that generation and edition does. */
export async function route(
  view: ServerView,
  method: string,
  path: string,
  query: URLSearchParams,
): Promise<Outcome> {
  const { generation, edition } = view.facts;
  const error = { generation, path, now: view.now() };
  const handlers = {
    ...COMMON,
    ...(generation === "4.4" ? {} : EVENTSTORE),
    ...(edition === "EE" ? ENTERPRISE : STANDARD),
  };
  const handler = handlers[`${method} ${path}`];
  if (handler === undefined) {
    const otherMethod = `GET ${path}` in handlers || `POST ${path}` in handlers;
    const message = `Request method '${method}' not supported`;
    return { answer: otherMethod ? errorAnswer(405, { ...error, message }) : errorAnswer(404, error) };
  }
  if (
    path.startsWith("/v1/backup/") &&
    path !== "/v1/backup/log/filenames" &&
    method === "GET" &&
    !query.has("type")
  ) {
    return {
      answer: errorAnswer(400, { ...error, message: "Required String parameter 'type' is not present" }),
    };
  }
  if (path.startsWith("/v1/backup/") && !view.ready()) {
    return { answer: text(503, `[AXONIQ-7000] Node ${view.facts.node.name} is not ready for a backup`) };
  }
  try {
    return await handler(view, query);
  } catch (cause) {
    if (cause instanceof BadParameter)
      return { answer: errorAnswer(500, { ...error, message: cause.message }) };
    throw cause;
  }
}

/** The answer with a listing in it. */
export function listingAnswer({ facts }: ServerView, listing: Listing): Answer {
  return json(facts.generation, listing.lastClosedSegment === undefined ? listing.filenames : listing);
}

async function createControlDbBackup(view: ServerView): Promise<Outcome> {
  const { controlDb } = view.paths;
  const name = await writeControlDbBackup(controlDb.here, view.now());
  view.controlDbWritten(name);
  return { answer: text(200, controlDb.spell(true, name)) };
}

/** Reads the parameters of a listing; undefined if there is no such context. */
function listingRequest(
  view: ServerView,
  query: URLSearchParams,
  contextName: string,
  segmentName: string,
  versionName: string,
): ListingRequest | undefined {
  const type = query.get("type");
  if (type !== "EVENT" && type !== "SNAPSHOT")
    throw new BadParameter(`No enum constant EventType.${type ?? ""}`);
  const store = type === "EVENT" ? "events" : "snapshots";
  const context = query.get(contextName) ?? "default";
  if (view.cluster.dcbContexts.has(context)) throw new BadParameter(`${context} is a DCB context`);
  const cursor = {
    lastSegment: integer(query, segmentName, -1),
    lastVersion: integer(query, versionName, 0),
  };
  const state = view.state(context, store);
  return (
    state && { generation: view.facts.generation, storage: view.paths.storage, context, store, state, cursor }
  );
}

function integer(query: URLSearchParams, name: string, absent: number): number {
  const value = query.get(name) ?? "";
  if (value === "") return absent;
  if (!/^[+-]?\d+$/.test(value)) throw new BadParameter(`For input string: "${value}"`);
  return Number(value);
}
