import { STORE_KINDS } from "@axon-backup/axon-server";
import type { ExclusivePuts } from "../backup/exclusive-puts.js";
import { mapConcurrent } from "../concurrency.js";
import type { Lease } from "../lease/lease.js";
import type { HeadManifest } from "../repository/head-manifest.js";
import { nextRestorePointId } from "../repository/restore-point-id.js";
import type { Copies, Grown } from "./copies.js";
import { headPut } from "./head-writer.js";
import { grown, planContext, type Step } from "./plan-cycle.js";
import { headContexts, type Session } from "./session.js";
import type { FollowOptions, WatchState } from "./types.js";

/** Objects that grow at a time. */
const AT_ONCE = 4;

/** What a cycle has done. */
export interface CycleResult {
  readonly session: Session;
  readonly bytes: number;
  readonly objects: number;
}

/** What is to be stored now of what was seen. */
export function planCycle(session: Session, { positions }: WatchState, copies: Copies): Step[] {
  return session.contexts.flatMap((followed) => {
    const position = positions.get(followed.name);
    return position?.epoch === followed.epoch
      ? planContext(followed, position, (step) => copies.isAllowed(step))
      : [];
  });
}

/** Stores the new bytes, and then, as the last write, the head. */
export async function runCycle(
  options: Pick<FollowOptions, "sink" | "agent">,
  session: Session,
  state: WatchState,
  steps: readonly Step[],
  copies: Copies,
  {
    lease,
    exclusive,
    now,
  }: { readonly lease: Lease; readonly exclusive: ExclusivePuts; readonly now: () => Date },
): Promise<CycleResult> {
  const started = now();
  const done = await mapConcurrent(steps, AT_ONCE, lease.signal, (step, signal) =>
    copies.grow(step, lease, exclusive, signal),
  );
  const next = { ...session, contexts: withGrown(session, done) };
  const id = nextRestorePointId(started, lastOf(session));
  const { identity } = state;
  const head: HeadManifest = {
    id,
    repository: session.repository.info.id,
    restorePoint: session.base.id,
    started: started.toISOString(),
    finished: now().toISOString(),
    agent: options.agent,
    server:
      identity === undefined
        ? session.base.server
        : { name: identity.nodeName, version: identity.version, edition: identity.edition },
    contexts: headContexts(next),
  };
  const { put, version } = headPut(options.sink, lease, session.version, session.document !== undefined);
  await session.repository.withSignal(lease.signal).writeHead(head, put);
  await copies.removeObsolete(lease);
  return {
    session: { ...next, id, at: started, document: id, version: version() },
    bytes: done.reduce((sum, { bytes }) => sum + bytes, 0),
    objects: done.length,
  };
}

function withGrown({ contexts }: Session, done: readonly Grown[]): Session["contexts"] {
  return contexts.map((followed) => {
    const stores = { snapshots: followed.snapshots, events: followed.events };
    for (const store of STORE_KINDS)
      stores[store] = grown(
        stores[store],
        done.flatMap(({ step, copy }) =>
          step.context === followed.name && step.store === store ? [copy] : [],
        ),
      );
    return { ...followed, ...stores };
  });
}

/** The last id that the next one must come after. */
function lastOf({ id, document }: Session): Session["id"] {
  return document !== undefined && document !== "unreadable" && document > id ? document : id;
}
