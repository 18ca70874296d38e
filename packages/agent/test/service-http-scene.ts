import { request } from "node:http";
import type { Log } from "../dist/output/log.js";
import { startHttp } from "../dist/service/http/start-http.js";
import type { HttpOptions, HttpService } from "../dist/service/http/types.js";
import { serviceMetrics } from "../dist/service/metrics/service-metrics.js";
import { type FakeService, NOW } from "./service-scene.js";

/** A log that keeps what is an error. */
export class KeptLog implements Log {
  readonly errors: string[] = [];
  readonly debug = (): void => undefined;
  readonly info = (): void => undefined;
  readonly warn = (): void => undefined;
  readonly error = (message: string): void => {
    this.errors.push(message);
  };
}

/** The server for a fake service, at a port that the system chooses, at a time that stands still unless `options` has another. */
export async function serve(
  view: FakeService,
  options: Partial<HttpOptions> = {},
): Promise<HttpService & { readonly log: KeptLog }> {
  const log = new KeptLog();
  const http = await startHttp({
    listen: { host: "127.0.0.1", port: 0 },
    view,
    metrics: serviceMetrics(view, () => NOW.getTime()),
    log,
    now: () => NOW,
    ...options,
  });
  return { ...http, log };
}

export interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One request, with headers that `fetch` wouldn't send, `Host` among them. */
export function get(
  { address }: HttpService,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: address.host, port: address.port, path, headers, method, agent: false },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.once("end", () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
        response.once("error", reject);
      },
    );
    outgoing.once("error", reject);
    outgoing.end();
  });
}
