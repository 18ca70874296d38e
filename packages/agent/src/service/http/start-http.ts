import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { describeError } from "../../errors/describe-error.js";
import { cleanedView } from "./cleaned-view.js";
import { isAuthorized, isLocalHost } from "./guard.js";
import { INSTANCE_HEADER } from "./instance.js";
import { formatListen, isLoopback, type ListenAddress, ListenError } from "./listen.js";
import { LiveUpdates } from "./live.js";
import { ratesAfter, type Rates } from "./rates.js";
import { type Answer, pathOf, plain, route, type Sources } from "./routes.js";
import type { HttpOptions, HttpService } from "./types.js";

/** Nothing from elsewhere, no inline code, in no frame; no other page may read what is served, and none learns where somebody came from. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "cache-control": "no-store",
};

const LIMITS = {
  /** Bytes of a request's headers. */
  maxHeaderSize: 8192,
  /** Milliseconds for a request's headers, for all of it, and between two requests. */
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 5000,
};
const MAX_CONNECTIONS = 64;
/** Milliseconds that a connection may stand still; open status pages get something more often. */
const STANDSTILL = 60_000;

/**
 * Serves what the service knows: metrics, health, the status page. Nothing can be changed by it.
 * @throws ListenError when there is no token where one is needed, or the address can't be listened at
 */
export async function startHttp(options: HttpOptions): Promise<HttpService> {
  const { listen, token, metrics, log, now = () => new Date() } = options;
  if (token === undefined && !isLoopback(listen.host))
    throw new ListenError(
      `${formatListen(listen)} is reached by other machines, and there is no token for them`,
      "Set service.token, or listen at 127.0.0.1.",
    );
  const view = options.clean ? cleanedView(options.view, options.clean) : options.view;
  let rates: Rates = new Map();
  const live = new LiveUpdates(view, () => rates, now);
  const sources: Sources = { view, metrics, live, rates: () => rates, now };
  const server = createServer(LIMITS, (request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    if (options.instance !== undefined) response.setHeader(INSTANCE_HEADER, options.instance);
    respond(sources, options, request, response).catch((error: unknown) => {
      log.error(`can't answer ${pathOf(request)}: ${describeError(error).message}`);
      if (response.headersSent) response.destroy();
      else send(response, plain(500, "internal error"));
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = STANDSTILL;
  const address = await listening(server, listen);
  server.on("error", (error) => {
    log.error(`the HTTP server: ${describeError(error).message}`);
  });
  const unsubscribe = options.view.subscribe({
    onChange: (state) => {
      rates = ratesAfter(rates, state, now().getTime());
    },
  });
  let closing: Promise<void> | undefined;
  return {
    address,
    close: () => {
      unsubscribe();
      return (closing ??= closed(server, live));
    },
  };
}

async function respond(
  sources: Sources,
  { listen, token }: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = refusal(request, { listen, token }) ?? (await route(sources, request, response));
  if (answer) send(response, answer);
}

/** Why the request isn't answered; undefined when it is. */
function refusal(
  request: IncomingMessage,
  { listen, token }: { readonly listen: ListenAddress; readonly token: HttpOptions["token"] },
): Answer | undefined {
  if (request.method !== "GET" && request.method !== "HEAD")
    return plain(405, "nothing can be changed here", { allow: "GET, HEAD" });
  if (isLoopback(listen.host) && !isLocalHost(request.headers.host))
    return plain(421, "this is served for this machine alone, by the name localhost or a loopback address");
  // That it is alive is no secret, and who restarts it when it isn't needn't have the token.
  if (token === undefined || pathOf(request) === "/healthz") return undefined;
  if (isAuthorized(request.headers.authorization, token)) return undefined;
  return plain(401, "a token is needed", {
    "www-authenticate": ['Basic realm="axon-backup", charset="UTF-8"', 'Bearer realm="axon-backup"'],
  });
}

function send(response: ServerResponse, { status, type, body, headers = {} }: Answer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  // Node leaves the body of an answer to HEAD out.
  response.end(body);
}

/** Listens there for a moment. @throws ListenError */
export async function tryToListen(listen: ListenAddress): Promise<void> {
  const server = createServer();
  await listening(server, listen);
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

async function listening(server: Server, listen: ListenAddress): Promise<ListenAddress> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(listen.port, listen.host, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    throw new ListenError(
      `can't listen at ${formatListen(listen)}${isTaken ? ": another process listens there" : ""}`,
      "Choose another address with service.listen, or off; or end what listens there.",
      { cause: error },
    );
  }
  const address = server.address();
  return { host: listen.host, port: typeof address === "object" && address ? address.port : listen.port };
}

async function closed(server: Server, live: LiveUpdates): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  live.close();
  // Answers that are under way are small: what isn't read by now isn't waited for.
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, 200);
  await ended;
  clearTimeout(timer);
}
