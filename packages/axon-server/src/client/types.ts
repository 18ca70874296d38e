import type { StoreKind } from "../names.js";
import type { Token } from "../token.js";

/** How to reach an Axon Server. */
export interface AxonServerOptions {
  /** `http://host:8024`, `https://…`; a path is kept as a prefix. */
  readonly url: string;
  /** The value of the `AxonIQ-Access-Token` header, asked for at each request so that it is held nowhere else. */
  readonly accessToken?: () => string;
  readonly tls?: AxonServerTls;
  /** Milliseconds for a connection to stand. Default 10,000. */
  readonly connectTimeout?: number;
  /** Milliseconds for a listing or another quick answer, whole. Default 30,000. */
  readonly requestTimeout?: number;
  /** Milliseconds for the control DB call, which copies a database. Default 300,000. */
  readonly controlDbTimeout?: number;
  /** How often a call that is safe to repeat is tried in all. Default 4. */
  readonly attempts?: number;
  /** Milliseconds before the second try; doubled each time, with jitter. Default 250. */
  readonly retryDelay?: number;
}

/** PEM texts. */
export interface AxonServerTls {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  /** The name to verify the certificate against, when it isn't the URL's host. */
  readonly serverName?: string;
}

/** What the server says that it is. */
export interface ServerIdentity {
  readonly productName: string;
  readonly version: string;
  readonly nodeName: string;
  /** Standard or Enterprise: `clustered` of `/v1/public/me`. */
  readonly edition: "SE" | "EE";
  /** Which listing call it has: `filenames` alone, or `eventstore` too. */
  readonly listing: "filenames" | "eventstore";
  /** Whether segments can have versions (2023.x and newer). */
  readonly versions: boolean;
  readonly authentication: boolean;
  /** The contexts that this node stores events for, sorted. */
  readonly contexts: readonly string[];
}

/** The time by the server's clock (to the second), and by this machine's before it was asked and after it answered. */
export interface ServerClock {
  readonly time: Date;
  readonly asked: Date;
  readonly answered: Date;
}

/** Where the last backup of a store stands. */
export interface StoreCursor {
  readonly lastClosedSegment: Token;
  /** The highest segment version seen. */
  readonly lastVersion: number;
}

/** The head of a store by the server's own account, if it tells: the last event's token, or undefined when there is none. */
export interface ServerHead {
  readonly context: string;
  readonly store: StoreKind;
  readonly lastToken: Token | undefined;
}

/** The last token of each store of each context that the server tells of: undefined where there is none yet. */
export type ServerHeads = ReadonlyMap<string, Readonly<Partial<Record<StoreKind, Token | undefined>>>>;
