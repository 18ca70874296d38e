import type { ClusterState } from "./cluster/state.js";

/** The generations that were captured: SE 4.4.14, 4.6.12 and 2023.2.2. And one that wasn't, and that answers like 2023.2 but for contexts that are DCB. */
export type Generation = "4.4" | "4.6" | "2023.2" | "2025.1";

/** Whether segments have versions: since 2023.x. */
export function hasVersions(generation: Generation): boolean {
  return generation === "2023.2" || generation === "2025.1";
}

/** How to run a stand-in. */
export interface StandinOptions {
  readonly generation: Generation;
  /** Default `SE`. `EE` adds the cluster calls and the control DB call of the Enterprise Edition (docs/axon-server.md, section 7: not captured from a real one). */
  readonly edition?: "SE" | "EE";
  /** The directory that the contexts' directories are in (`event.storage`). Made if it isn't there. */
  readonly storage: string;
  /** Default `["default"]`. */
  readonly contexts?: readonly string[];
  /** Bytes of a new segment, 64 or more. Default 16,384. */
  readonly segmentSize?: number;
  /** Bytes of an index file; sparse. Default 2 MiB, as the real ones. */
  readonly indexBytes?: number;
  /** Write index files that closed segments lack, as a server does at its start. Default false. */
  readonly rebuildIndexes?: boolean;
  /** Where handing over stands at the start, per context and store; -1 for none. Default: all but the last segment are closed. */
  readonly lastClosed?: Readonly<Record<string, Readonly<Partial<Record<"events" | "snapshots", number>>>>>;
  /**
   * Milliseconds between two segments handed over. Default 1,000, as real servers take. 0: at once. `manual`: by `handover()` alone.
   */
  readonly handoverInterval?: number | "manual";

  /** The storage directory as the server spells it: absolute, normalised. Default: `storage`, resolved. */
  readonly serverPath?: string;
  /** Default: `controldb-backups` beside `storage`. Made when it is needed. */
  readonly controlDbDirectory?: string;
  /** That directory as the server spells it. Default: `controldb-backups` beside `serverPath`, if that is given; `controlDbDirectory`, resolved, otherwise. */
  readonly serverControlDbPath?: string;
  /** Whether paths come with `/./` where a real server has it. Default true. */
  readonly spellDotSlash?: boolean;

  /** Tokens that callers must show in `AxonIQ-Access-Token`. Default: no access control. */
  readonly accessControl?: AccessControl;
  /** Default: plain HTTP. */
  readonly tls?: StandinTls;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Milliseconds since 1970, for time stamps and the names of control DB backups. Default `Date.now`. */
  readonly clock?: () => number;

  /** EE: where the replication logs are, a directory per group. Default: `log` beside `storage`. */
  readonly logStorage?: string;
  /** EE: that directory as the server spells it. Default: as for `serverControlDbPath`. */
  readonly serverLogPath?: string;
  /** EE: bytes of a new log entry segment, 64 or more. Default 16 MiB, as real servers have it; sparse. */
  readonly logSegmentSize?: number;
  /** EE: completed log entry segments are deleted, hourly, when they were last modified so many hours ago. Default 1. */
  readonly logRetentionHours?: number;
  /**
   * EE: the cluster that this is a node of (`startCluster` gives it), and the node's name. Which contexts and groups it has follows from that. Only such a node writes logs; without, it
   * lists what is in `logStorage`.
   */
  readonly cluster?: { readonly state: ClusterState; readonly node: string };
  /** EE: replication groups and their contexts. Default: `_admin`, and a group per context. */
  readonly replicationGroups?: Readonly<Record<string, readonly string[]>>;
}

export interface AccessControl {
  readonly admin: string;
  readonly application: string;
}

/** PEM texts. */
export interface StandinTls {
  readonly key: string;
  readonly cert: string;
  /** What client certificates must be signed by. */
  readonly ca?: string;
  /** Whether a client must show a certificate. Default false. */
  readonly requestCert?: boolean;
}
