import type { ServerSource } from "@axon-backup/axon-server";
import type { Repository } from "../repository/repository.js";
import { captureContext } from "./capture.js";
import type { Capture } from "./model.js";
import { readSinkState } from "./sink-state.js";
import { decideTimeline, SECOND_LOOK } from "./timeline.js";
import type { TimelineChange } from "./types.js";

/**
 * Whether the server's history is still the one that a repository has: what a backup finds out before it stores anything. Reads the open segments up to where they end, and
 * changes nothing.
 * @param contexts those that a backup would take
 * @returns the contexts that the next backup would take to another timeline; none, mostly
 * @throws AxonServerError and SinkError; the signal's reason
 */
export async function compareHistory(
  repository: Repository,
  source: ServerSource,
  contexts: readonly string[],
  { signal, secondLook = SECOND_LOOK }: { readonly signal?: AbortSignal; readonly secondLook?: number } = {},
): Promise<readonly TimelineChange[]> {
  const state = await readSinkState(repository, contexts, signal);
  const tools = {
    repository,
    state,
    secondLook,
    started: new Date(),
    signal,
    capture: ((context, previous) => captureContext(source, context, previous, signal)) satisfies Capture,
  };
  const changes: TimelineChange[] = [];
  for (const name of contexts) {
    const { change } = await decideTimeline(tools, name);
    if (change) changes.push(change);
  }
  return changes;
}
