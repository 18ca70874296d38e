import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

import type { StandinOptions } from "./options.js";
import type { Delivery } from "./server/respond.js";
import { RunningStandin } from "./running.js";
import type { Standin } from "./standin.js";

/** Starts a stand-in, and resolves when it listens. */
export async function startStandin(options: StandinOptions): Promise<Standin> {
  return launch(options);
}

/** The same, with what only the stand-in itself may touch. */
export async function launch(options: StandinOptions): Promise<RunningStandin> {
  const { tls, host = "127.0.0.1" } = options;
  const server: Server =
    tls === undefined
      ? createServer()
      : createTlsServer({
          key: tls.key,
          cert: tls.cert,
          ...(tls.ca === undefined ? {} : { ca: tls.ca }),
          requestCert: tls.requestCert ?? false,
          rejectUnauthorized: tls.requestCert ?? false,
        });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `${tls === undefined ? "http" : "https"}://${host}:${port}`;
  let standin: RunningStandin;
  try {
    standin = new RunningStandin(options, server, url, port);
  } catch (error) {
    server.close();
    throw error;
  }
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const gone = new AbortController();
    response.once("close", () => {
      gone.abort();
    });
    request.resume();
    standin
      .answer(request, gone.signal)
      .then((delivery) => {
        send(response, delivery);
      })
      .catch((error: unknown) => {
        // Either the client has left, or the stand-in is broken, which must not look like an answer of a real server.
        if (gone.signal.aborted) return;
        if (response.headersSent) response.destroy();
        else send(response, failure(error));
      });
  });
  return standin;
}

function failure(error: unknown): Delivery {
  const body = `The stand-in itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  return { answer: { status: 599, contentType: "text/plain", body } };
}

function send(response: ServerResponse, { answer, cut }: Delivery): void {
  if (cut === "before-answer") {
    response.destroy();
    return;
  }
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    ...(answer.contentType === undefined ? {} : { "content-type": answer.contentType }),
    "content-length": body.byteLength,
    ...answer.headers,
  });
  if (cut === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, Math.floor(body.byteLength / 2)), () => {
    response.destroy();
  });
}
