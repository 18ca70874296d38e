import { join } from "node:path";

import { LogStore } from "../store/log-store.js";

const HOUR = 3_600_000;
/** Bytes: a real server's default. */
export const LOG_SEGMENT_BYTES = 16 * 1024 * 1024;

export interface NodeLogsOptions {
  /** The directory that the groups' directories are in. */
  readonly directory: string;
  readonly groups: readonly string[];
  readonly segmentSize: number;
  readonly retentionHours: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** The logs of a node's replication groups, and their hourly clean-up. No timers: whoever looks, has it done first if its time has come. */
export class NodeLogs {
  private readonly stores: ReadonlyMap<string, LogStore>;
  private nextCleanUp: number;

  constructor(private readonly options: NodeLogsOptions) {
    const { directory, segmentSize, clock } = options;
    this.stores = new Map(
      options.groups.map((group) => [
        group,
        new LogStore({ directory: join(directory, group), segmentSize, clock }),
      ]),
    );
    this.nextCleanUp = clock() + HOUR;
  }

  /** Undefined if this node isn't a member of the group. */
  get(group: string): LogStore | undefined {
    return this.stores.get(group);
  }

  /** Cleans up if an hour has gone by since the start, the last clean-up, or the last control DB backup on this node. */
  cleanUpWhenDue(): readonly string[] {
    const now = this.options.clock();
    if (now < this.nextCleanUp) return [];
    this.holdOff();
    const before = now - this.options.retentionHours * HOUR;
    return [...this.stores].flatMap(([group, store]) =>
      store.cleanUp(before).map((name) => `${group}/${name}`),
    );
  }

  /** The hour begins anew: what the control DB call does, on the node called and only there. */
  holdOff(): void {
    this.nextCleanUp = this.options.clock() + HOUR;
  }

  /** The index of the last entry of each group: all of them are committed here. */
  commitIndexes(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.stores].map(([group, store]) => [group, store.nextIndex - 1]));
  }

  close(): void {
    for (const store of this.stores.values()) store.close();
  }
}
