import type { Sink } from "@axon-backup/sink";
import type { StorageType } from "../options.js";

/** A command's environment, beside that of this process. */
export type Environment = Readonly<Record<string, string>>;

/** A storage server that runs, or a directory. */
export interface StorageServer {
  /** What it is and how it was started. */
  readonly description: string;
  /** On 127.0.0.1; undefined for a directory. */
  readonly port: number | undefined;
  /** Where it keeps what it gets: synced after each backup. */
  readonly directory: string;
  /** Whether its clients speak HTTP, so that requests can be counted by method. */
  readonly http: boolean;
  /** A new, empty place. @param name unique, of a to z, 0 to 9 and `-` */
  newPlace(name: string): Promise<Place>;
  close(): Promise<void>;
}

/** Where one tool puts its objects. `port` is that of a proxy in front of the server. */
export interface Place {
  /** axon-backup's YAML file. */
  yaml(port?: number): readonly string[];
  rclone(port?: number): RclonePlace;
  /** Undefined if it can't use this storage. */
  readonly restic?: (port?: number) => ResticPlace;
  /** A tool that copies directories: `command… FROM TO`. */
  readonly copy?: CopyPlace;
  /** The sink, in this process. */
  open(purpose: "read" | "write", port?: number): Promise<Sink>;
}

export interface RclonePlace {
  readonly remote: string;
  readonly env: Environment;
}

export interface ResticPlace {
  readonly repository: string;
  /** Options for all commands. */
  readonly args: readonly string[];
  readonly env: Environment;
}

export interface CopyPlace {
  readonly command: readonly [string, ...string[]];
  /** The place, as the command names it. */
  readonly path: string;
}

export interface Storage {
  readonly type: StorageType;
  /** @param directory for files with secrets, and for what a storage without a server holds */
  start(directory: string): Promise<StorageServer>;
  /** What is left out, and why. */
  readonly leftOut?: string;
}

/** An rclone remote that is described by environment variables alone, called `bench`. */
export function rcloneRemote(path: string, options: Environment): RclonePlace {
  return {
    remote: `bench:${path}`,
    env: Object.fromEntries(
      Object.entries(options).map(([name, value]) => [`RCLONE_CONFIG_BENCH_${name}`, value]),
    ),
  };
}
