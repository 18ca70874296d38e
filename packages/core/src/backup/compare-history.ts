import { type ServerSource, STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import type { Repository } from "../repository/repository.js";
import { captureContext } from "./capture.js";
import type { StoreState } from "./model.js";
import { readSinkState } from "./sink-state.js";

/**
 * Whether the server's history is still the one that a repository has: what a backup finds out before it stores anything. Reads the open segments up to where they end, and
 * changes nothing.
 * @param contexts those that a backup would take
 * @throws EngineError `diverged` when it is another; AxonServerError and SinkError; the signal's reason
 */
export async function compareHistory(
  repository: Repository,
  source: ServerSource,
  contexts: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const state = await readSinkState(repository, contexts, signal);
  for (const name of contexts) {
    const { stores } = state.context(name);
    const previous = Object.fromEntries(STORE_KINDS.map((store) => [store, stores[store].state]));
    await captureContext(source, name, previous as Record<StoreKind, StoreState>, signal);
  }
}
