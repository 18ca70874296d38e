import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, request as forward, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A request on its way to the service. */
export interface Passing {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What becomes of a request: it goes on, changed or not, or is answered at once. */
export type Fate = { readonly goOn: Partial<Pick<Passing, "url" | "body">> } | Answer;

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpProxy {
  readonly port: number;
  /** Everything that came by. */
  readonly seen: readonly Passing[];
  readonly close: () => Promise<void>;
}

/** A proxy in front of a service, that looks at every request; without a target it answers all of them itself. */
export async function startHttpProxy(
  decide: (request: Passing) => Fate | Promise<Fate>,
  target?: { readonly host: string; readonly port: number },
  tls?: { readonly cert: string; readonly key: string },
): Promise<HttpProxy> {
  const seen: Passing[] = [];
  const listener: RequestListener = (incoming, outgoing) => {
    const answer = async (): Promise<void> => {
      const body = Buffer.concat(await incoming.toArray());
      const { method = "", url = "", headers } = incoming;
      const passing = { method, url, headers, body };
      seen.push(passing);
      const fate = await decide(passing);
      if (!("goOn" in fate)) {
        outgoing.writeHead(fate.status, fate.headers).end(method === "HEAD" ? undefined : fate.body);
        return;
      }
      const sent = { ...passing, ...fate.goOn };
      const upstream = forward({ ...target, method, path: sent.url, headers });
      upstream.end(sent.body);
      const [response] = (await once(upstream, "response")) as [typeof incoming];
      outgoing.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(outgoing);
    };
    answer().catch((error: unknown) => outgoing.destroy(error as Error));
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** An answer of the service that refuses a request. */
export function refusal(
  status: number,
  code: string | undefined,
  message = "It isn't so.",
  {
    detail,
    headers = {},
  }: { readonly detail?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Answer {
  const more = detail === undefined ? "" : `<AuthenticationErrorDetail>${detail}</AuthenticationErrorDetail>`;
  const end = "\nRequestId:00000000-0000-0000-0000-000000000000\nTime:2026-01-01T00:00:00Z";
  return {
    status,
    headers: {
      "content-type": "application/xml",
      ...(code === undefined ? {} : { "x-ms-error-code": code }),
      ...headers,
    },
    body: `<?xml version="1.0"?><Error><Code>${code ?? ""}</Code><Message>${message}${end}</Message>${more}</Error>`,
  };
}
