import { join } from "node:path";

import type { Store } from "./format/names.js";
import { hasVersions, type StandinOptions } from "./options.js";
import { EventStore } from "./store/event-store.js";
import { INDEX_BYTES } from "./store/index-files.js";

/** The two stores of each context. */
export type ContextStores = ReadonlyMap<string, Readonly<Record<Store, EventStore>>>;

/** Bytes: what the captured servers were run with. */
const DEFAULT_SEGMENT_SIZE = 16_384;

/** Opens the stores of all contexts, making what isn't there, as a server does at its start. */
export function openStores(options: StandinOptions): ContextStores {
  const stores = new Map<string, Readonly<Record<Store, EventStore>>>();
  const opened: EventStore[] = [];
  const open = (context: string, store: Store): EventStore => {
    const made = openStore(options, context, store);
    opened.push(made);
    return made;
  };
  try {
    for (const context of options.contexts ?? ["default"]) {
      stores.set(context, { events: open(context, "events"), snapshots: open(context, "snapshots") });
    }
    return stores;
  } catch (error) {
    for (const store of opened) store.close();
    throw error;
  }
}

export function closeStores(stores: ContextStores): void {
  for (const { events, snapshots } of stores.values()) {
    events.close();
    snapshots.close();
  }
}

function openStore(options: StandinOptions, context: string, store: Store): EventStore {
  const lastClosed = options.lastClosed?.[context]?.[store];
  return new EventStore({
    directory: join(options.storage, context),
    store,
    segmentSize: options.segmentSize ?? DEFAULT_SEGMENT_SIZE,
    oversize: options.generation === "4.4" ? "refused" : "own-segment",
    index: { indexBytes: options.indexBytes ?? INDEX_BYTES, temporaryName: options.generation === "4.6" },
    versions: hasVersions(options.generation),
    ...(lastClosed === undefined ? {} : { lastClosed }),
    handoverAtOnce: options.handoverInterval === 0,
    rebuildIndexes: options.rebuildIndexes ?? false,
  });
}
