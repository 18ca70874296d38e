import type { Machine } from "../machine.js";
import type { StorageType } from "../options.js";

export interface ContinuousOptions {
  /** How long transactions are appended. */
  readonly seconds: number;
  /** Transactions a second. */
  readonly rate: number;
  /** The length of the server's segments. */
  readonly segmentMiB: number;
  readonly json: boolean;
  /** The temporary folder is made in here. */
  readonly directory: string;
}

/** Seconds from a transaction's commit until the sink's head had it, over all transactions. */
export interface Latency {
  readonly transactions: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface SinkResult {
  readonly type: StorageType;
  readonly latency: Latency;
  /** Apart: those in a segment's first 5 MiB, whose copy S3 can't extend, and those behind. */
  readonly small: Latency;
  readonly large: Latency;
  /** Heads that were seen. */
  readonly heads: number;
  /** Bytes that the sink was given, heads and closed segments included. */
  readonly sentBytes: number;
  /** Those that cycles sent for open segments' copies. */
  readonly cycleBytes: number;
  /** Calls of the sink, by method. */
  readonly calls: Readonly<Record<string, number>>;
}

/** Resident memory at a moment of the load. */
export interface Memory {
  readonly second: number;
  readonly bytes: number;
}

export interface ContinuousReport {
  readonly machine: Machine;
  readonly options: Pick<ContinuousOptions, "seconds" | "rate" | "segmentMiB">;
  /** That the server got meanwhile. */
  readonly transactions: number;
  readonly writtenBytes: number;
  /** Segments and index files that the server closed meanwhile. */
  readonly closedBytes: number;
  readonly sinks: readonly SinkResult[];
  /** Processor time of the service per second of the load. */
  readonly loadCpu: number;
  /** Processor seconds an hour without anything new. */
  readonly idleCpu: readonly { readonly sinks: number; readonly secondsPerHour: number }[];
  readonly memory: readonly Memory[];
  /** The largest that it ever had. */
  readonly peakBytes: number;
  /** Of the machine, at the end of the load. */
  readonly load: number;
}
