import { Readable } from "node:stream";
import { Agent, type Dispatcher } from "undici";
import { networkError, statusError } from "./errors.js";
import type { WebDavOptions } from "./options.js";

export interface Request {
  /** The answers that are success. Every other one becomes a SinkError. */
  readonly accept: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
}

export type Response = Dispatcher.ResponseData;

/** Requests to one server. */
export class Connection {
  /** A server has a minute to answer a request that it has got. */
  readonly #agent = new Agent({ headersTimeout: 60_000 });
  readonly #base: URL;
  readonly #authorization: Readonly<Record<string, string>>;

  constructor({ url, user, password }: WebDavOptions) {
    this.#base = new URL(url.endsWith("/") ? url : `${url}/`);
    // The one place where the secret is a string.
    const credentials = Buffer.from(`${user ?? ""}:${password?.reveal() ?? ""}`).toString("base64");
    this.#authorization = user === undefined ? {} : { authorization: `Basic ${credentials}` };
  }

  /** The URL of what has this path below the sink's collection. Keys have characters that mean something in a URL: `%` above all. */
  url(path: string): string {
    return new URL(path.split("/").map(encodeURIComponent).join("/"), this.#base).href;
  }

  /** The path below the sink's collection that a server's answer names; undefined when it is elsewhere. */
  path(href: string): string | undefined {
    const parts = (url: URL) => url.pathname.split("/").map(decodeURIComponent).join("/");
    const base = parts(this.#base);
    const path = parts(new URL(href, this.#base));
    return path.startsWith(base) ? path.slice(base.length) : undefined;
  }

  /** Sends a request and reads the answer to its end. */
  async send(method: string, url: string, request: Request): Promise<Response> {
    const response = await this.open(method, url, request);
    await response.body.dump();
    return response;
  }

  /** Sends a request. The caller reads the answer's body, or destroys it. */
  async open(method: string, url: string, request: Request): Promise<Response> {
    const { accept, body, signal } = request;
    signal?.throwIfAborted();
    const { origin, pathname } = new URL(url);
    // An error of the source must come back as it is, so it is kept: HTTP clients wrap what their bodies throw.
    const source = typeof body === "string" || body === undefined ? undefined : watched(body);
    try {
      const response = await this.#agent.request({
        origin,
        path: pathname,
        method: method as Dispatcher.HttpMethod,
        headers: { ...this.#authorization, ...request.headers },
        body: source?.stream ?? (body as string | undefined) ?? null,
        signal,
      });
      if (accept.includes(response.statusCode)) {
        // A server answers when it has all the bytes it was promised. The source may still have more, or fail.
        await source?.ended;
        return response;
      }
      throw await statusError(method, url, response);
    } catch (error) {
      if (source?.failure !== undefined) throw source.failure.error;
      throw networkError(error, method, url, signal);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

interface Watched {
  readonly stream: Readable;
  /** Resolves when the source has given everything. */
  readonly ended: Promise<void>;
  failure: { readonly error: unknown } | undefined;
}

function watched(body: AsyncIterable<Uint8Array>): Watched {
  let resolve = (): void => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const ended = new Promise<void>((...settle) => ([resolve, reject] = settle));
  // Nobody waits for it when the request itself has failed.
  ended.catch(() => undefined);
  async function* chunks(): AsyncGenerator<Uint8Array, void, void> {
    try {
      // Copied: the source overwrites its chunk, and the client may still have it in its hands then.
      for await (const chunk of body) yield new Uint8Array(chunk);
      resolve();
    } catch (error) {
      result.failure = { error };
      reject(error);
      throw error;
    }
  }
  const result: Watched = {
    // One chunk ahead, not sixteen.
    stream: Readable.from(chunks(), { highWaterMark: 1 }),
    ended,
    failure: undefined,
  };
  return result;
}
