import { AxonServerError } from "../errors.js";
import type { StoreKind } from "../names.js";
import { quote } from "../text.js";
import type { Token } from "../token.js";
import { type Answer, answerError } from "./answer-errors.js";
import { ClusterCalls } from "./cluster-calls.js";
import { isBeforeConnection } from "./network-errors.js";
import { headsIn } from "./heads.js";
import { type RetryPolicy, withRetries } from "./retry.js";
import { Shape } from "./shapes.js";
import { MAX_ANSWER_BYTES, type Request, Transport } from "./transport.js";
import type { AxonServerOptions, ServerClock, ServerHead, ServerHeads, ServerIdentity } from "./types.js";

/** From where on a listing is asked for. */
export interface ListingCursor {
  /** Segments after this one. */
  readonly lastSegment: number;
  /** And versions after this one of older segments; only for servers that have versions. */
  readonly lastVersion?: number;
}

/** What `/v1/backup/eventstore` answers: paths as the server has them, in no particular order. */
export interface EventstoreAnswer {
  /** Undefined when no segment has been closed yet. */
  readonly lastClosedSegment: Token | undefined;
  /** Of closed files after the cursor, and of the open segments. */
  readonly filenames: readonly string[];
}

/** Bytes: answers other than listings are small. */
const SMALL = 1024 * 1024;

/** A cursor beyond any segment, so that a probe is answered with the open segment alone. */
const BEYOND: ListingCursor = { lastSegment: Number.MAX_SAFE_INTEGER };

const TYPE: Readonly<Record<StoreKind, string>> = { events: "EVENT", snapshots: "SNAPSHOT" };

/**
 * Axon Server's HTTP API, as far as a backup needs it (docs/axon-server.md, section 1). Every method rejects with an AxonServerError whose
 * message names the call and whose remedy names what to do, or with the reason of an aborted signal.
 */
export class AxonServerClient {
  /** The calls about clusters. */
  readonly cluster: ClusterCalls;
  readonly #transport: Transport;
  readonly #retries: RetryPolicy;
  readonly #requestTimeout: number;
  readonly #controlDbTimeout: number;

  /** @throws AxonServerError `configuration` */
  constructor(options: AxonServerOptions) {
    this.#transport = new Transport(options);
    this.#retries = { attempts: options.attempts ?? 4, delay: options.retryDelay ?? 250 };
    this.#requestTimeout = options.requestTimeout ?? 30_000;
    this.#controlDbTimeout = options.controlDbTimeout ?? 300_000;
    this.cluster = new ClusterCalls(async ({ path, query, maxBytes, read }, signal) =>
      this.#json(this.#get(path, query, maxBytes), signal, read),
    );
  }

  /** Asks the server what it is: three small calls at the same time, and one that needs a context's name. */
  async identify(signal?: AbortSignal): Promise<ServerIdentity> {
    const [product, node, contexts] = await Promise.all([
      this.#product(signal),
      this.#node(signal),
      this.#json(this.#get("/v1/public/mycontexts"), signal, (shape, value) =>
        shape.strings(value, "the answer"),
      ),
    ]);
    return {
      productName: product.productName,
      version: product.version,
      nodeName: node.nodeName,
      edition: node.clustered ? "EE" : "SE",
      listing: (await this.#hasEventstore(contexts[0], signal)) ? "eventstore" : "filenames",
      versions: product.major >= 2023,
      authentication: node.authentication,
      contexts: [...new Set(contexts)].sort(),
    };
  }

  /**
   * Makes the server write a backup of its control DB. Resolves with the path that the server gives, as it is. Each call makes a file, so
   * this is sent again only when no connection came about; after anything else the caller must not call it again on its own.
   */
  async createControlDbBackup(edition: ServerIdentity["edition"], signal?: AbortSignal): Promise<string> {
    const request: Request = {
      method: "POST",
      path: edition === "EE" ? "/v1/backup/createControlDbBackup" : "/createControlDbBackup",
      timeout: this.#controlDbTimeout,
      maxBytes: SMALL,
    };
    const call = (): Promise<Answer> => this.#send(request, signal);
    const answer = await withRetries(this.#retries, (error) => isBeforeConnection(error.cause), call, signal);
    const path = answer.text.trim();
    const shape = this.#shape(request);
    if (!path.startsWith("/") || /[\r\n]/.test(path))
      throw shape.problem(
        `the answer is not the path of a file: ${quote(this.#transport.redact(path), 100)}`,
      );
    return path;
  }

  /** Files of a store by `/v1/backup/eventstore`: closed ones after `cursor`, and the open segments. */
  async listEventstore(
    context: string,
    store: StoreKind,
    cursor?: ListingCursor,
    signal?: AbortSignal,
  ): Promise<EventstoreAnswer> {
    return this.#json(this.#eventstore(context, store, cursor), signal, (shape, value) => {
      const fields = shape.object(value, "the answer");
      return {
        lastClosedSegment: shape.tokenOrNone(fields["lastClosedSegment"], "lastClosedSegment"),
        filenames: shape.strings(fields["filenames"], "filenames"),
      };
    });
  }

  /** Files of a store by `/v1/backup/filenames`: closed ones after `cursor` only. An unknown context gives an empty list, not an error. */
  async listFilenames(
    context: string,
    store: StoreKind,
    cursor?: ListingCursor,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    const query = {
      type: TYPE[store],
      context,
      ...(cursor === undefined ? {} : { lastSegmentBackedUp: String(cursor.lastSegment) }),
      ...(cursor?.lastVersion === undefined ? {} : { lastVersionBackedUp: String(cursor.lastVersion) }),
    };
    const request = this.#get("/v1/backup/filenames", query, MAX_ANSWER_BYTES);
    return this.#json(request, signal, (shape, value) => shape.strings(value, "the answer"));
  }

  /** The store's last token by the server's health page, which needs no token; undefined if the server doesn't show it (4.4). */
  async head(context: string, store: StoreKind, signal?: AbortSignal): Promise<ServerHead | undefined> {
    return this.#json(this.#get("/actuator/health"), signal, (shape, value) => {
      const field = (of: unknown, name: string): unknown =>
        of === undefined ? undefined : shape.object(of, name)[name];
      const details = field(field(field(value, "components"), "localEventStore"), "details");
      const last = field(details, `${context}.${store === "events" ? "lastEvent" : "lastSnapshot"}`);
      if (last === undefined) return undefined;
      return { context, store, lastToken: shape.tokenOrNone(last, `the last token of ${context}`) };
    });
  }

  /** The server's clock by the header `Date` of an answer; undefined if it has none. */
  async clock(signal?: AbortSignal): Promise<ServerClock | undefined> {
    // Not repeated within: the time must be that of one request.
    const asked = new Date();
    const { date } = await this.#send(this.#get("/v1/public/version"), signal);
    const answered = new Date();
    const time = new Date(date ?? NaN);
    return Number.isNaN(time.getTime()) ? undefined : { time, asked, answered };
  }

  /** The last tokens of all stores by the server's health page, which needs no token; undefined if the server doesn't show them (4.4). */
  async heads(signal?: AbortSignal): Promise<ServerHeads | undefined> {
    return this.#json(this.#get("/actuator/health"), signal, headsIn);
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #product(signal: AbortSignal | undefined) {
    return this.#json(this.#get("/v1/public/version"), signal, (shape, value) => {
      const fields = shape.object(value, "the answer");
      const version = shape.string(fields["version"], "version");
      const major = /^(\d{1,6})\./.exec(version)?.[1];
      if (major === undefined) throw shape.problem("the version doesn't begin with a number");
      return {
        productName: shape.string(fields["productName"], "productName"),
        version,
        major: Number(major),
      };
    });
  }

  async #node(signal: AbortSignal | undefined) {
    return this.#json(this.#get("/v1/public/me"), signal, (shape, value) => {
      const fields = shape.object(value, "the answer");
      return {
        nodeName: shape.string(fields["name"], "name"),
        clustered: shape.boolean(fields["clustered"], "clustered"),
        authentication: shape.boolean(fields["authentication"], "authentication"),
      };
    });
  }

  #get(path: string, query: Request["query"] = {}, maxBytes = SMALL): Request {
    return { method: "GET", path, query, timeout: this.#requestTimeout, maxBytes };
  }

  #eventstore(context: string, store: StoreKind, cursor: ListingCursor | undefined): Request {
    const query = {
      type: TYPE[store],
      // `context` here would be ignored, and the context `default` served.
      targetContext: context,
      ...(cursor === undefined ? {} : { lastClosedSegmentBackedUp: String(cursor.lastSegment) }),
      ...(cursor?.lastVersion === undefined ? {} : { lastClosedVersionBackedUp: String(cursor.lastVersion) }),
    };
    return this.#get("/v1/backup/eventstore", query, MAX_ANSWER_BYTES);
  }

  /** Any answer but 404 shows that the call is there; without a context to ask for, one that can't be shows it too. */
  async #hasEventstore(context: string | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.#call(this.#eventstore(context ?? "axon-backup-probe", "events", BEYOND), signal);
      return true;
    } catch (error) {
      if (!(error instanceof AxonServerError)) throw error;
      if (error.kind === "unsupported") return false;
      // A server error too: the context may be one of those whose files the server doesn't list.
      if (error.kind === "unknown-context" || error.kind === "server-error") return true;
      throw error;
    }
  }

  #shape(request: Request): Shape {
    return new Shape(this.#transport.describe(request), (text) => this.#transport.redact(text));
  }

  async #json<Result>(
    request: Request,
    signal: AbortSignal | undefined,
    read: (shape: Shape, value: unknown) => Result,
  ): Promise<Result> {
    const answer = await this.#call(request, signal);
    const shape = this.#shape(request);
    return read(shape, shape.json(answer));
  }

  /** A call that may be repeated. */
  async #call(request: Request, signal: AbortSignal | undefined): Promise<Answer> {
    const isPassing = (error: AxonServerError): boolean =>
      error.kind === "unreachable" || error.kind === "not-ready";
    return withRetries(this.#retries, isPassing, () => this.#send(request, signal), signal);
  }

  async #send(request: Request, signal: AbortSignal | undefined): Promise<Answer> {
    const answer = await this.#transport.send(request, signal);
    if (answer.status === 200) return answer;
    const redacted = { ...answer, text: this.#transport.redact(answer.text) };
    throw answerError(this.#transport.describe(request), redacted);
  }
}
