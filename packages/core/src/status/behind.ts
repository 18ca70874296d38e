import { type ServerSource, type SourceFile, STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import { captureContext } from "../backup/capture.js";
import type { Capture, CapturedStore } from "../backup/model.js";
import { planStore } from "../backup/plan.js";
import { readSinkState } from "../backup/sink-state.js";
import { decideTimeline, SECOND_LOOK } from "../backup/timeline.js";
import type { TimelineChange } from "../backup/types.js";
import { endOf } from "../repository/head.js";
import type { StoreManifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";

/** How far what a repository has stored last, its newest restore point or the head after it, is behind the server, in one context. */
export interface ContextBehind {
  readonly context: string;
  /** Events (and snapshots) that the server has and the repository doesn't; null where it can't be told: a segment's format isn't known, or the history is another one. */
  readonly events: number | null;
  readonly snapshots: number | null;
  /** Bytes that the next backup would store: what is new, and the copies of open segments, which are stored anew each time. */
  readonly bytes: number;
  /** Whether there is anything to back up: closed files, or events. */
  readonly isCurrent: boolean;
  /** If the next backup would take the context to another timeline. */
  readonly change?: TimelineChange;
}

/**
 * What the next backup would find, as `compareHistory` does it: asks the server, reads the open segments up to where they end, and changes nothing.
 * @throws AxonServerError and SinkError; the signal's reason
 */
export async function measureBehind(
  repository: Repository,
  source: ServerSource,
  contexts: readonly string[],
  { signal, secondLook = SECOND_LOOK }: { readonly signal?: AbortSignal; readonly secondLook?: number } = {},
): Promise<readonly ContextBehind[]> {
  const state = await readSinkState(repository, contexts, signal);
  const capture: Capture = (context, previous) => captureContext(source, context, previous, signal);
  const tools = { repository, state, secondLook, started: new Date(), signal, capture };
  const result: ContextBehind[] = [];
  for (const context of contexts) {
    const { state: known, captured, change } = await decideTimeline(tools, context);
    const recorded = state.last?.contexts.find(({ name }) => name === context);
    const files: SourceFile[] = [];
    let bytes = 0;
    for (const store of STORE_KINDS) {
      for (const planned of planStore(captured[store].listing, known.stores[store].files).files)
        if (planned.kind === "new" || planned.kind === "repair") files.push(planned.file);
      for (const { state: open } of captured[store].open) bytes += open.validBytes;
    }
    const behind = (store: StoreKind): number | null =>
      change ? null : countBehind(captured[store], recorded?.[store]);
    const [events, snapshots] = [behind("events"), behind("snapshots")];
    result.push({
      context,
      events,
      snapshots,
      bytes: bytes + (await source.measure(files, signal)),
      isCurrent: files.length === 0 && events === 0 && snapshots === 0,
      ...(change && { change }),
    });
  }
  return result;
}

function countBehind({ open }: CapturedStore, recorded: StoreManifest | undefined): number | null {
  const last = open.at(-1);
  const now = last === undefined ? 0 : endOf(last.state);
  const lastRecorded = recorded?.open.at(-1);
  const then = lastRecorded === undefined ? (recorded?.nextToken ?? 0) : endOf(lastRecorded);
  return now === undefined || then === undefined ? null : now - then;
}
