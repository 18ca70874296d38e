import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServiceView } from "../model.js";
import type { LiveUpdates } from "./live.js";
import { FAVICON } from "./page/icon.js";
import { page } from "./page/page.js";
import { SCRIPT } from "./page/script.js";
import { STYLE } from "./page/style.js";
import type { Rates } from "./rates.js";
import { readiness, readinessText } from "./readiness.js";
import { stateJson } from "./state-json.js";
import type { MetricsText } from "./types.js";

/** What the answers are made of. */
export interface Sources {
  readonly view: ServiceView;
  readonly metrics: MetricsText;
  readonly live: LiveUpdates;
  readonly rates: () => Rates;
  readonly now: () => Date;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

type Route = (sources: Sources, request: IncomingMessage) => Answer | Promise<Answer>;

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json; charset=utf-8";

/** An answer of one line. */
export function plain(status: number, text: string, headers: Answer["headers"] = {}): Answer {
  return { status, type: TEXT, body: `${text}\n`, headers };
}

/** All but `/events`. */
const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/healthz", () => plain(200, "ok")],
  ["/readyz", ({ view }, request) => readinessAnswer(view, request)],
  [
    "/metrics",
    async ({ metrics }) => ({ status: 200, type: metrics.contentType, body: await metrics.text() }),
  ],
  ["/api/state", ({ view, now }) => jsonAnswer(200, stateJson(view.state(), now()))],
  [
    "/",
    ({ view, rates, now }) => ({
      status: 200,
      type: "text/html; charset=utf-8",
      body: page(view.state(), rates(), now()),
    }),
  ],
  ["/status.css", () => ({ status: 200, type: "text/css; charset=utf-8", body: STYLE })],
  ["/status.js", () => ({ status: 200, type: "text/javascript; charset=utf-8", body: SCRIPT })],
  ["/icon.svg", () => ({ status: 200, type: "image/svg+xml", body: FAVICON })],
]);

/** Answers a GET or HEAD that is allowed. @returns undefined when `/events` took the response over */
export async function route(
  sources: Sources,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer | undefined> {
  const path = pathOf(request);
  if (path === "/events") {
    if (request.method === "HEAD") return { status: 200, type: "text/event-stream; charset=utf-8", body: "" };
    if (sources.live.add(response)) return undefined;
    return plain(503, "too many status pages are open", { "retry-after": "10" });
  }
  const found = ROUTES.get(path);
  return found ? found(sources, request) : plain(404, "not found");
}

/** The path of the request, without its query. */
export function pathOf({ url = "/" }: IncomingMessage): string {
  const end = url.indexOf("?");
  return end === -1 ? url : url.slice(0, end);
}

function readinessAnswer(view: ServiceView, request: IncomingMessage): Answer {
  const result = readiness(view.state());
  const status = result.ready ? 200 : 503;
  return (request.headers.accept ?? "").includes("application/json")
    ? jsonAnswer(status, result)
    : { status, type: TEXT, body: readinessText(result) };
}

function jsonAnswer(status: number, value: object): Answer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value, undefined, 2)}\n` };
}
