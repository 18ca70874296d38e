import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An HTTP proxy on 127.0.0.1 in front of one server, which counts the requests. */
export interface CountingProxy {
  readonly port: number;
  /** The requests since the last call, by kind, as `PUT` or `PUT partNumber`. */
  take(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Query parameters that tell what a request of S3 or Azure is. */
const TELLING = [
  "comp",
  "list-type",
  "uploads",
  "partNumber",
  "uploadId",
  "delete",
  "versioning",
  "location",
];

/** @param target a port of 127.0.0.1 */
export async function startCountingProxy(target: number): Promise<CountingProxy> {
  const agent = new Agent({ keepAlive: true });
  let counts = new Map<string, number>();
  const pass = (incoming: IncomingMessage, answer: ServerResponse): void => {
    const kind = kindOf(incoming);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const { method, url } = incoming;
    // Signatures are over the headers as they came, Host included. Node has answered an Expect already.
    const headers = { ...incoming.headers };
    delete headers.expect;
    const outgoing = request(
      { agent, host: "127.0.0.1", port: target, method, path: url, headers },
      (from) => {
        answer.writeHead(from.statusCode ?? 502, from.rawHeaders);
        from.on("error", () => answer.destroy());
        from.pipe(answer);
      },
    );
    outgoing.on("error", () => answer.destroy());
    incoming.pipe(outgoing);
  };
  const server = createServer(pass).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    take: () => {
      const taken = counts;
      counts = new Map();
      return taken;
    },
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function kindOf({ method = "", url = "" }: IncomingMessage): string {
  const { searchParams } = new URL(url, "http://localhost");
  const name = TELLING.find((each) => searchParams.has(each));
  if (name === undefined) return method;
  return `${method} ${name === "comp" ? (searchParams.get(name) ?? "") : name}`;
}
