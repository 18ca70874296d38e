import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { certificateFile } from "./support.js";

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** An HTTP server that keeps what it is sent. */
export class HttpReceiver {
  readonly requests: ReceivedRequest[] = [];
  /** What it answers with; "nothing" lets the caller wait. */
  answer: number | "nothing" = 204;
  body = "";
  headers: Readonly<Record<string, string>> = {};

  private constructor(
    readonly server: Server,
    readonly url: string,
  ) {}

  static async start(tls = false): Promise<HttpReceiver> {
    const server = tls
      ? createTlsServer({
          cert: readFileSync(certificateFile("server.pem")),
          key: readFileSync(certificateFile("server.key")),
        })
      : createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const receiver = new HttpReceiver(server, `${tls ? "https" : "http"}://127.0.0.1:${port}`);
    server.on("request", (request: IncomingMessage, response) => {
      void receiver.#take(request).then(() => {
        if (receiver.answer !== "nothing")
          response.writeHead(receiver.answer, receiver.headers).end(receiver.body);
      });
    });
    return receiver;
  }

  async #take(request: IncomingMessage): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const { method = "", url: path = "", headers } = request;
    this.requests.push({ method, path, headers, body: Buffer.concat(parts).toString("utf8") });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
