import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";

/** What came in. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}

/** What goes out: an answer, or something that happens to the connection instead. */
export type Reply =
  | {
      readonly status?: number;
      readonly json?: unknown;
      readonly body?: string | Buffer;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Close without a byte. */
  | "reset"
  /** Promise more than comes, then close. */
  | "cut"
  /** Never answer. */
  | "silence";

/** A server of a few lines for one test: it answers as `reply` says and keeps what it was asked. */
export class TestServer implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  /** How many connections there have been. */
  connections = 0;
  readonly #server;
  readonly #sockets = new Set<Socket>();
  readonly #tls: boolean;

  private constructor(reply: (request: SeenRequest) => Reply, tls: ServerOptions | undefined) {
    const listener: RequestListener = (request, response) => {
      const seen = { method: request.method ?? "", url: request.url ?? "", headers: request.headers };
      this.seen.push(seen);
      request.resume();
      let answer: Reply;
      try {
        answer = reply(seen);
      } catch (error) {
        // The client fails at once, with the reason in the answer.
        answer = { status: 500, body: String(error) };
      }
      if (answer === "silence") return;
      if (answer === "reset") {
        request.socket.destroy();
        return;
      }
      if (answer === "cut") {
        response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
        response.write('["/a', () => request.socket.destroy());
        return;
      }
      const body = answer.body ?? JSON.stringify(answer.json ?? null);
      const contentType =
        answer.contentType ?? (answer.body === undefined ? "application/json" : "text/plain");
      response.writeHead(answer.status ?? 200, { "content-type": contentType, ...answer.headers });
      response.end(body);
    };
    this.#tls = tls !== undefined;
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    this.#server.on("connection", (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(reply: (request: SeenRequest) => Reply, tls?: ServerOptions): Promise<TestServer> {
    const server = new TestServer(reply, tls);
    await new Promise<void>((resolve) => {
      server.#server.listen(0, "127.0.0.1", resolve);
    });
    return server;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#tls ? "https" : "http"}://127.0.0.1:${port}`;
  }

  /** How often a path was asked for. */
  count(path: string): number {
    return this.seen.filter(({ url }) => url.split("?")[0] === path).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** What every 4.6 server answers to `identify`, for tests about something else. */
export function identityReply(
  { url }: SeenRequest,
  contexts: readonly string[] = ["default"],
): Reply | undefined {
  if (url === "/v1/public/version") return { json: { productName: "Axon Server", version: "4.6.12" } };
  if (url === "/v1/public/me") return { json: { name: "node", clustered: false, authentication: false } };
  if (url === "/v1/public/mycontexts") return { json: contexts };
  return undefined;
}
