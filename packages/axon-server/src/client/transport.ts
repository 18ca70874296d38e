import { Client, type Dispatcher, Pool } from "undici";

import { AxonServerError } from "../errors.js";
import { type Answer } from "./answer-errors.js";
import { networkError } from "./network-errors.js";
import { type BaseUrl, parseBaseUrl, parseTls } from "./options.js";
import type { AxonServerOptions } from "./types.js";

/** One request. */
export interface Request {
  readonly method: "GET" | "POST";
  /** As `/v1/public/version`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Milliseconds for the whole answer. */
  readonly timeout: number;
  /** The largest answer that is read, in bytes. */
  readonly maxBytes: number;
}

/** Answers that aren't used but quoted in messages are read up to here, in bytes. */
const MAX_ERROR_BYTES = 16 * 1024;

/** No answer of any kind is read beyond this, in bytes: the listing of a million files is about 80 MiB. */
export const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** Sends single requests and reads whole answers, in bounded time and memory. No retries, no redirects. */
export class Transport {
  readonly #base: BaseUrl;
  readonly #accessToken: (() => string) | undefined;
  readonly #connection: Client.Options;
  readonly #pool: Pool;

  /** @throws AxonServerError `configuration` */
  constructor(options: AxonServerOptions) {
    this.#base = parseBaseUrl(options.url);
    this.#accessToken = options.accessToken;
    this.#connection = {
      maxResponseSize: MAX_ANSWER_BYTES,
      connect: { timeout: options.connectTimeout ?? 10_000, ...parseTls(options.tls) },
    };
    this.#pool = new Pool(this.#base.origin, { ...this.#connection, connections: 8 });
  }

  /** How messages name a request: method and URL. It has neither credentials nor the access token. */
  describe(request: Request): string {
    return `${request.method} ${this.#base.origin}${this.#pathOf(request)}`;
  }

  /**
   * Sends `request`, once.
   * @throws AxonServerError `unreachable`, `timeout`, `tls`, `unexpected` (too large, not UTF-8), `configuration` (a token that can't be sent).
   * @throws the reason of `signal` when that was aborted.
   */
  async send(request: Request, signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    const headers = this.#headers();
    // A connection of its own for what must not be sent twice: a kept one that the server has just closed would leave it open whether the request arrived.
    const dispatcher: Dispatcher =
      request.method === "GET" ? this.#pool : new Client(this.#base.origin, this.#connection);
    // Not AbortSignal.any: a service's signal lives for months, and nothing of a request may stay with it.
    const control = new AbortController();
    const abort = (): void => {
      control.abort(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    const late = new Error(`no whole answer within ${request.timeout} ms`);
    const timer = setTimeout(() => {
      control.abort(late);
    }, request.timeout);
    try {
      const response = await dispatcher.request({
        method: request.method,
        path: this.#pathOf(request),
        headers,
        signal: control.signal,
        headersTimeout: request.timeout,
        bodyTimeout: request.timeout,
      });
      return await readAnswer(response, request.maxBytes);
    } catch (error) {
      signal?.throwIfAborted();
      const what = this.describe(request);
      if (control.signal.reason === late)
        throw new AxonServerError(
          "timeout",
          `${what}: ${late.message}`,
          "Look at the server's load and log; raise server.timeouts if it is only slow.",
          error,
        );
      if (error instanceof AnswerProblem)
        throw new AxonServerError(
          "unexpected",
          `${what}: ${error.message}`,
          "Check that server.url is an Axon Server's.",
          error.cause,
        );
      throw networkError(what, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      if (dispatcher !== this.#pool) await dispatcher.destroy();
    }
  }

  /** `text` without the access token, in case that the server repeats it. */
  redact(text: string): string {
    const token = this.#accessToken?.() ?? "";
    return token === "" ? text : text.replaceAll(token, "[token]");
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #pathOf(request: Request): string {
    const query = new URLSearchParams(request.query).toString();
    return `${this.#base.prefix}${request.path}${query === "" ? "" : `?${query}`}`;
  }

  #headers(): Record<string, string> {
    const headers: Record<string, string> = { accept: "application/json, text/plain, */*" };
    const token = this.#accessToken?.();
    if (token === undefined) return headers;
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new AxonServerError(
        "configuration",
        "the access token is empty or has characters that a token can't have (spaces, line ends, umlauts)",
        "Check the file or variable that server.token names: it must hold the token and nothing else.",
      );
    headers["AxonIQ-Access-Token"] = token;
    return headers;
  }
}

/** An answer that came, and can't be used. */
class AnswerProblem extends Error {}

async function readAnswer(response: Dispatcher.ResponseData, maxBytes: number): Promise<Answer> {
  const status = response.statusCode;
  const limit = status === 200 ? maxBytes : MAX_ERROR_BYTES;
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop early destroys the body, and its connection with it.
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    const room = limit - length;
    if (chunk.length > room && status === 200)
      throw new AnswerProblem(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    length += Math.min(chunk.length, room);
    if (chunk.length > room) break;
  }
  return {
    status,
    contentType: header(response.headers["content-type"]) ?? "",
    location: header(response.headers["location"]),
    date: header(response.headers["date"]),
    text: decode(Buffer.concat(chunks), status === 200),
  };
}

function header(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}

function decode(bytes: Buffer, strict: boolean): string {
  try {
    // Strict where it matters: a file name with replaced characters would be another file's.
    return new TextDecoder("utf-8", { fatal: strict }).decode(bytes);
  } catch (cause) {
    throw new AnswerProblem("the answer is not UTF-8 text", { cause });
  }
}
