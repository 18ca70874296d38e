import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

/** An answer in the server's place. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Which requests are answered. */
export interface HttpFaultRule {
  /** Default: all. */
  readonly methods?: readonly string[];
  /** What their path with its query must match. Default: anything. */
  readonly path?: RegExp;
  /** Lets so many of them pass first. Default 0. */
  readonly after?: number;
  /** How many are answered; then all pass again. Default: without end. */
  readonly times?: number;
}

/** An HTTP proxy on 127.0.0.1 that answers chosen requests itself, and passes on all others as they are: what a client has signed stays valid. */
export interface HttpFaultProxy {
  readonly host: string;
  readonly port: number;
  /** Requests that it answered itself. */
  readonly answered: number;
  /** Answers requests in the server's place, instead of what was said before. */
  answer(answer: HttpAnswer, rule?: HttpFaultRule): void;
  /** Passes on everything again. */
  pass(): void;
  /** Breaks all connections and stops. May be called twice. */
  close(): Promise<void>;
}

export interface HttpFaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
}

interface Fault {
  readonly answer: HttpAnswer;
  readonly methods: readonly string[] | undefined;
  readonly path: RegExp | undefined;
  after: number;
  times: number;
}

export async function startHttpFaultProxy({ target }: HttpFaultProxyOptions): Promise<HttpFaultProxy> {
  let fault: Fault | undefined;
  let answered = 0;
  const faultFor = ({ method = "", url = "" }: IncomingMessage): HttpAnswer | undefined => {
    if (fault === undefined || fault.methods?.includes(method) === false) return undefined;
    if (fault.path?.test(url) === false) return undefined;
    if (fault.after > 0) {
      fault.after--;
      return undefined;
    }
    if (fault.times <= 0) return undefined;
    fault.times--;
    answered++;
    return fault.answer;
  };
  const server = createServer((incoming, outgoing) => {
    const answer = faultFor(incoming);
    if (answer === undefined) passOn(target, incoming, outgoing);
    else give(answer, incoming, outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: "127.0.0.1",
    port,
    get answered() {
      return answered;
    },
    answer: (answer, { methods, path, after = 0, times = Infinity } = {}) => {
      fault = { answer, methods, path, after, times };
    },
    pass: () => {
      fault = undefined;
    },
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Reads the request to its end, as the services do, and answers. */
function give(answer: HttpAnswer, incoming: IncomingMessage, outgoing: ServerResponse): void {
  incoming.on("error", () => undefined);
  incoming.on("end", () => {
    const body = Buffer.from(incoming.method === "HEAD" ? "" : answer.body);
    outgoing.writeHead(answer.status, {
      ...answer.headers,
      date: new Date().toUTCString(),
      "content-length": body.byteLength,
    });
    outgoing.end(body);
  });
  incoming.resume();
}

/** Header lines go through as they came, Host among them: it is signed. */
function passOn(
  target: HttpFaultProxyOptions["target"],
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const { method, url, rawHeaders } = incoming;
  const onward = request({ ...target, method, path: url, headers: [...rawHeaders], setHost: false });
  onward.on("response", (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.statusMessage, response.rawHeaders);
    // An error of either side ends the other.
    pipeline(response, outgoing, () => undefined);
  });
  onward.on("error", () => {
    outgoing.destroy();
  });
  pipeline(incoming, onward, () => undefined);
}

/** An error as S3 gives it (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). */
export function s3Error(status: number, code: string, message: string): HttpAnswer {
  const [id, host] = ["4442587FB7D0A2F9", "dF8sPq1PEXAMPLE2tY3zVQ="];
  return {
    status,
    headers: {
      "content-type": "application/xml",
      "x-amz-request-id": id,
      "x-amz-id-2": host,
      server: "AmazonS3",
    },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>${id}</RequestId><HostId>${host}</HostId></Error>`,
  };
}

/** An error as Azure's blob service gives it (https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2). */
export function azureError(status: number, code: string, message: string, detail?: string): HttpAnswer {
  const id = "7a9c1d6e-001e-0042-3b5f-1c2d3e000000";
  const more = detail === undefined ? "" : `<AuthenticationErrorDetail>${detail}</AuthenticationErrorDetail>`;
  return {
    status,
    headers: {
      "content-type": "application/xml",
      "x-ms-request-id": id,
      "x-ms-version": "2024-11-04",
      "x-ms-error-code": code,
      server: "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0",
    },
    body: `\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}\nRequestId:${id}\nTime:${new Date().toISOString()}</Message>${more}</Error>`,
  };
}
