import type { SinkCounts, TimelineChange } from "@axon-backup/core";
import type { ErrorDescription } from "../errors/describe-error.js";

// What the service knows, as plain data: immutable snapshots, made anew when something changes. Metrics, the status page, notifications and systemd are made of these
// and of the events (events.ts), and know nothing of each other.

/** Everything at one moment. */
export interface ServiceState {
  readonly version: string;
  readonly started: Date;
  /** Undefined until the server has been reached once. */
  readonly server: ServerState | undefined;
  /** Why the server didn't answer when it was asked last, also if it never did; undefined when it did, or hasn't been asked yet. */
  readonly serverProblem: ErrorDescription | undefined;
  /** In the order of their names; those that are switched off are left out. */
  readonly sinks: readonly SinkState[];
  /** Whether the configuration has no sink get anything by itself: no schedule, and no new events. */
  readonly isNothingScheduled: boolean;
  /** Why the newest configuration on the disk isn't the one in use; undefined when it is. */
  readonly rejectedConfiguration: ErrorDescription | undefined;
  /** Whether the service has been asked to end. */
  readonly isStopping: boolean;
}

export interface ServerState {
  readonly name: string;
  readonly version: string;
  readonly edition: "SE" | "EE";
  /** The last time that it answered. */
  readonly seen: Date;
  /** Why it didn't answer when it was asked last; undefined when it did. */
  readonly problem: ErrorDescription | undefined;
}

/**
 * How a sink is, in a word:
 *
 * - `starting`: nothing is known yet.
 * - `current`: everything is on it that its promise asks for.
 * - `behind`: less than the promise asks for, and work goes on.
 * - `failing`: the last thing that was tried failed; it is tried again.
 * - `damaged`: objects on it are damaged, and no backup has mended them yet.
 */
export type SinkHealth = "starting" | "current" | "behind" | "failing" | "damaged";

export interface SinkState {
  readonly name: string;
  /** `local`, `s3`, … */
  readonly type: string;
  readonly health: SinkHealth;
  /** Why it isn't current: sentences without a full stop. Empty when it is. */
  readonly reasons: readonly string[];
  /** Which promises aren't kept, each with how far it is from that now: a sentence without a full stop. */
  readonly late: Lateness;
  /** A call that fails, and is made again as part of what runs now; undefined when none is. */
  readonly retrying: Retrying | undefined;
  /** What runs now; undefined between two things. */
  readonly activity: Activity | undefined;
  /** Restore points made, or tried, newest last: the last 50. */
  readonly restorePoints: readonly RestorePointResult[];
  /** When the next one is due; undefined when none is scheduled. */
  readonly nextRestorePoint: Date | undefined;
  /** When something was committed last, a restore point or a head; undefined when never. */
  readonly lastSuccess: Date | undefined;
  /** How far it is behind, by context. */
  readonly lags: readonly ContextLag[];
  readonly lastVerify: VerifyResult | undefined;
  readonly lastPrune: PruneResult | undefined;
  /** The last failure that no success has followed. */
  readonly failure: SinkFailure | undefined;
  /** Objects known to be damaged. */
  readonly damagedObjects: number;
  /** Whether the service has the repository for itself now, or somebody else has it. */
  readonly lease: "held" | "free" | "elsewhere";
  readonly counts: SinkCounts;
  /** The promise that it is held to. */
  readonly promise: SinkPromise;
}

/** What a sink is held to, in milliseconds; undefined for no such promise. */
export interface SinkPromise {
  /** How long new events may wait before they are on the sink. */
  readonly lag: number | undefined;
  /** How old the newest restore point may be. */
  readonly restorePoint: number | undefined;
}

/** Which promises aren't kept, each with the reason. */
export type Lateness = Readonly<Partial<Record<keyof SinkPromise, string>>>;

/** A call to a sink that is made again and again. */
export interface Retrying {
  /** When it failed first. */
  readonly since: Date;
  /** How often it has failed. */
  readonly attempts: number;
  readonly error: ErrorDescription;
  /** When it is made again. */
  readonly retry: Date;
}

export type Job = "restore-point" | "follow" | "verify" | "prune";

export interface Activity {
  readonly job: Job;
  readonly since: Date;
  /** The engine's step: "inventory", "transfer", … */
  readonly step: string | undefined;
  /** Undefined as long as it isn't known how much there is to do. */
  readonly progress:
    | {
        readonly bytes: number;
        readonly totalBytes: number;
        readonly objects: number;
        readonly totalObjects: number;
      }
    | undefined;
}

export interface RestorePointResult {
  readonly started: Date;
  readonly finished: Date;
  /** The restore point's id; undefined when it failed. */
  readonly id: string | undefined;
  /** Bytes sent. */
  readonly bytes: number;
  /** Whether the service made it, or found it on the sink when it started. */
  readonly isOwn: boolean;
  /** Whether it was made of what had been stored after the one before it, because the server's history is another one since, or a context was left out. */
  readonly isPromoted?: true;
}

/** How far a sink is behind the server with one context: what the server has beyond the sink's last commit. */
export interface ContextLag {
  readonly context: string;
  /** Tokens of the last event on the sink and on the server; null for none. */
  readonly storedToken: number | null;
  readonly serverToken: number | null;
  readonly tokens: number;
  readonly bytes: number;
  /** Since when the oldest event waits that isn't on the sink; undefined when none does. */
  readonly since: Date | undefined;
}

export interface VerifyResult {
  readonly started: Date;
  readonly finished: Date;
  /** Bytes read, and findings. */
  readonly bytes: number;
  readonly findings: number;
}

export interface PruneResult {
  readonly finished: Date;
  readonly restorePoints: number;
  readonly objects: number;
  readonly bytes: number;
}

/** Why a job fails: the server doesn't answer as it should, or something is wrong with its files, which both strike every sink; or it is the sink, or something else. */
export type FailureCause = "server" | "files" | "sink";

export interface SinkFailure {
  readonly job: Job;
  readonly at: Date;
  /** The first time in a row. */
  readonly since: Date;
  /** How often in a row. */
  readonly attempts: number;
  readonly error: ErrorDescription;
  readonly cause: FailureCause;
  /** When it is tried again. */
  readonly retry: Date | undefined;
}

/** Something that happened: for counters, notifications and the journal. */
export type ServiceEvent =
  | { readonly kind: "restore-point"; readonly sink: string; readonly result: RestorePointResult }
  | {
      readonly kind: "cycle";
      readonly sink: string;
      readonly at: Date;
      readonly bytes: number;
      readonly milliseconds: number;
    }
  | { readonly kind: "verified"; readonly sink: string; readonly result: VerifyResult }
  | { readonly kind: "pruned"; readonly sink: string; readonly result: PruneResult }
  /** A job failed; `failure.attempts` tells whether it is the first time. */
  | { readonly kind: "failed"; readonly sink: string; readonly failure: SinkFailure }
  /** The first success after failures. */
  | {
      readonly kind: "recovered";
      readonly sink: string;
      readonly job: Job;
      readonly at: Date;
      readonly since: Date;
    }
  | {
      readonly kind: "diverged";
      readonly sink: string;
      readonly at: Date;
      readonly timelines: readonly TimelineChange[];
    }
  | { readonly kind: "damage"; readonly sink: string; readonly at: Date; readonly objects: readonly string[] }
  /** The sink isn't what its promise says, or is again. */
  | {
      readonly kind: "late";
      readonly sink: string;
      readonly at: Date;
      readonly what: keyof SinkPromise;
      readonly reason: string;
      /** Those whose events wait for too long; none when it is the restore point. */
      readonly contexts: readonly string[];
    }
  | { readonly kind: "on-time"; readonly sink: string; readonly at: Date; readonly what: keyof SinkPromise }
  | { readonly kind: "configuration-taken"; readonly at: Date }
  | { readonly kind: "configuration-rejected"; readonly at: Date; readonly error: ErrorDescription }
  | { readonly kind: "stopping"; readonly at: Date; readonly signal: string };

/** The running service, as its consumers see it. */
export interface ServiceView {
  /** The state now. Cheap. */
  state(): ServiceState;
  /** Calls back after each change of the state, and for each event. @returns the way to stop it */
  subscribe(listener: ServiceListener): () => void;
}

export interface ServiceListener {
  readonly onChange?: (state: ServiceState) => void;
  readonly onEvent?: (event: ServiceEvent) => void;
}
