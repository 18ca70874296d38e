import { cpSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { StandinEvent } from "./format/event.js";

/**
 * The sample: what a real Axon Server 2023.2.2 wrote. `<sampleStore>/default` is a context's directory, without its index files of 2 MiB each (`rebuildIndexes` makes some);
 * 173 events and 40 snapshots. Copy it (`copyStore`), don't serve it: a server writes to its storage.
 */
export const sampleStore = fileURLToPath(new URL("../sample/", import.meta.url));

export interface SampleOptions {
  /** The ordinal of the first event: its token, if the store holds nothing but sample events. Default 0. */
  readonly first?: number;
  /** Bytes that each payload gets more, to make transactions larger than a segment. Default 0. */
  readonly extraBytes?: number;
  /** Default `evt`; the captured snapshots have `snap`. */
  readonly prefix?: string;
}

const AGGREGATES = 50;

/**
 * Events like the captured ones, byte by byte: `OrderPlaced` of the aggregates order-0 to order-49 in turn, ids `evt-<ordinal>`, a second between two, and payloads of
 * 320 to 430 bytes.
 */
export function sampleEvents(count: number, options: SampleOptions = {}): StandinEvent[] {
  const { first = 0, extraBytes = 0, prefix = "evt" } = options;
  return Array.from({ length: count }, (_, index) => sampleEvent(first + index, extraBytes, prefix));
}

function sampleEvent(ordinal: number, extraBytes: number, prefix: string): StandinEvent {
  const pad = "x".repeat(300 + ((ordinal * 37) % 101) + extraBytes);
  return {
    messageIdentifier: `${prefix}-${ordinal}`,
    aggregateIdentifier: `order-${ordinal % AGGREGATES}`,
    sequenceNumber: Math.floor(ordinal / AGGREGATES),
    aggregateType: "Order",
    timestamp: 1_700_000_000_000 + ordinal * 1000,
    payloadType: "com.example.OrderPlaced",
    payloadRevision: "1.0",
    payload: Buffer.from(`{"ordinal":${ordinal},"pad":"${pad}"}`),
    metaData: { traceId: `t-${ordinal}` },
  };
}

/** Gives every file of a context's directory the name with 14 digits that very old versions gave it. Before a server is started there. */
export function shortenNames(directory: string): void {
  for (const name of readdirSync(directory)) {
    const short = name.replace(/^0{6}(?=\d{14}[_.])/, "");
    if (short !== name) renameSync(join(directory, name), join(directory, short));
  }
}

/** Copies a storage directory (`<fixture>/store`, `sampleStore`), with the contexts' directories in it, to a place where it may be written to. */
export function copyStore(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    // What belongs to the sample and not to a store.
    filter: (source) => !source.endsWith("README.md") && !source.endsWith(".zip"),
  });
}
