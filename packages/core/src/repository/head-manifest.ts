import type { StoreKind, Token } from "@axon-backup/axon-server";
import type { ContextManifest, Manifest, ManifestServer, OpenSegment } from "./manifest.js";
import type { RestorePointId } from "./restore-point-id.js";

/**
 * `head.json`: what came after the newest restore point, as far as the continuous mode has stored it. Replaced after each of its cycles, and nothing but a difference to
 * its restore point, so that it stays small however large the store is. It counts only while its restore point is the newest one: whatever comes after that one has everything.
 */
export interface HeadManifest {
  /** Sorts after its restore point's, and after those of the heads that it replaced. */
  readonly id: RestorePointId;
  /** The id of the repository that it belongs to. */
  readonly repository: string;
  /** The restore point that it goes on from. */
  readonly restorePoint: RestorePointId;
  /** ISO 8601, UTC: when the cycle looked at the server, and when everything was stored. */
  readonly started: string;
  readonly finished: string;
  readonly agent: string;
  readonly server: ManifestServer;
  /** Those of the restore point's contexts that have got on since. Sorted by name. */
  readonly contexts: readonly HeadContext[];
}

export interface HeadContext {
  readonly name: string;
  /** As in the restore point: a head never goes on in another one. */
  readonly timeline: number;
  readonly snapshots: HeadStore;
  readonly events: HeadStore;
}

/** Where a store stands. Its closed files are those of the restore point. */
export interface HeadStore {
  readonly nextToken: Token;
  /** Every segment that isn't among the restore point's closed ones: open, or full since, whether or not the server calls it closed by now. Ascending. */
  readonly open: readonly OpenSegment[];
}

/**
 * The head as a manifest: what a restore point would say that was made at that moment, with the control DB of the one that it goes on from. Undefined when it doesn't belong to that one.
 */
export function headAsManifest(head: HeadManifest, base: Manifest): Manifest | undefined {
  if (head.restorePoint !== base.id || head.repository !== base.repository) return undefined;
  const contexts: ContextManifest[] = [];
  for (const context of base.contexts) {
    const ahead = head.contexts.find(({ name }) => name === context.name);
    if (ahead !== undefined && ahead.timeline !== context.timeline) return undefined;
    const goOn = (store: StoreKind): ContextManifest[StoreKind] => ({ ...context[store], ...ahead?.[store] });
    contexts.push({ ...context, snapshots: goOn("snapshots"), events: goOn("events") });
  }
  return {
    id: head.id,
    repository: head.repository,
    parent: base.id,
    started: head.started,
    finished: head.finished,
    agent: head.agent,
    server: head.server,
    controlDb: { ...base.controlDb, run: base.controlDb.run ?? base.id },
    contexts,
  };
}
