import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** What came to a scripted server. */
export interface Request {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What it answers: nothing special is 200, with an ETag. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Closes the connection in place of an answer. */
  readonly hangsUp?: boolean;
}

/** An HTTP server that keeps what it gets, and answers as told: for what no S3 server at hand does. */
export interface ScriptedServer {
  readonly port: number;
  readonly requests: readonly Request[];
  close(): Promise<void>;
}

/** The answer of S3 for an error. */
export function errorAnswer(status: number, code: string, more = ""): Answer {
  return {
    status,
    body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>words of the server</Message>${more}</Error>`,
  };
}

export async function scriptedServer(
  answer: (request: Request) => Answer | undefined,
  tls?: ServerOptions,
): Promise<ScriptedServer> {
  const requests: Request[] = [];
  const respond = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const request = {
      method: message.method ?? "",
      url: message.url ?? "",
      headers: message.headers,
      body: Buffer.concat(chunks),
    };
    requests.push(request);
    const { status = 200, headers = {}, body, hangsUp = false } = answer(request) ?? {};
    if (hangsUp) return void message.socket.destroy();
    response.writeHead(status, { etag: '"1"', ...headers });
    const empty = request.method === "HEAD" || request.method === "PUT";
    response.end(body ?? (empty ? undefined : "<?xml version='1.0'?><ListBucketResult></ListBucketResult>"));
  };
  const listener = (message: IncomingMessage, response: ServerResponse): void =>
    void respond(message, response);
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
