import { type ControlDbFile, type SourceFile, STORE_KINDS } from "@axon-backup/axon-server";
import { isSinkError, type Sink } from "@axon-backup/sink";
import { together } from "../concurrency.js";
import { EngineError } from "../errors.js";
import { type Lease, type LeaseOptions, withLease } from "../lease/lease.js";
import { leaseWarnings } from "../lease/warnings.js";
import type { Observer } from "../observer.js";
import { controlDbKey, restorePointKey } from "../repository/layout.js";
import { options } from "../repository/read-optional.js";
import type { Manifest, StoredControlDb } from "../repository/manifest.js";
import { Repository } from "../repository/repository.js";
import { parseScratch } from "../repository/scratch.js";
import { nextRestorePointId, type RestorePointId, timeOf } from "../repository/restore-point-id.js";
import { noteFailure } from "../status/last-failure.js";
import { commit } from "./commit.js";
import { Checkpointer } from "./checkpointer.js";
import { exclusivePuts, storedByAnother } from "./exclusive-puts.js";
import type { ContextRun, SharedRun } from "./model.js";
import { planContext, type PlannedContext, type PlanningTools } from "./plan-context.js";
import { promoteHead } from "./promote.js";
import { readSinkState, type SinkState } from "./sink-state.js";
import { reportContext, storeContext, type StoredContext } from "./store-context.js";
import { tidy } from "./tidy.js";
import { describeTimelines } from "./timeline.js";
import { Transfer } from "./transfer.js";
import type { SinkReport, TimelineChange } from "./types.js";

/**
 * One backup to one sink, from its first read to its commit. Until the last write, nothing that a restore point needs is changed: a run that ends
 * anywhere leaves every restore point as it was, and no new one.
 */
export async function runSink(
  shared: SharedRun,
  name: string,
  sink: Sink,
  observer: Observer,
): Promise<Omit<SinkReport & { outcome: "committed" }, "warnings">> {
  observer({ kind: "step", sink: name, step: "lock" });
  const there = await Repository.open(sink, shared.signal); // Before anything is written: the place may be somebody else's.
  if (there === undefined && shared.mustExist) throw gone();
  return withLease(sink, leaseOptions(shared, name, observer), async (lease) => {
    try {
      return await runAlone({ ...shared, signal: lease.signal }, lease, name, sink, observer);
    } catch (error) {
      // Neither what somebody wanted, nor what another run sees.
      const isLocked = error instanceof EngineError && error.kind === "locked";
      if (!lease.signal.aborted && !isLocked) await noteFailure(sink, error, shared);
      throw error;
    }
  });
}

async function runAlone(
  shared: SharedRun & { readonly signal: AbortSignal },
  lease: Lease,
  name: string,
  sink: Sink,
  observer: Observer,
): Promise<Omit<SinkReport & { outcome: "committed" }, "warnings">> {
  const step = (what: string): void => {
    observer({ kind: "step", sink: name, step: what });
  };

  step("repository"); // And the control DB before all else of the server's: it points into what is read after it.
  const [controlDb, { repository, state: found }] = await together(
    shared.controlDb(),
    readRepository(shared, sink),
  );
  for (const message of found.warnings) observer({ kind: "warning", sink: name, message });
  warnOfContextsLeftOut(shared, found, name, observer);
  let state = found;
  const exclusive = exclusivePuts(sink, lease, () => requireCurrent(repository, state, lease));

  step("inventory"); // Snapshots before events, in each context. Compares with what the sink has: where the history diverged, another timeline goes on.
  const plan = (): Promise<readonly PlannedContext[]> =>
    planContexts({ ...shared, repository, state, name, observer });
  let contexts = await plan();
  const { contexts: wanted, signal } = shared;
  const promotion = { repository, state, contexts: wanted, exclusive, name, observer, signal };
  const promoted = await promoteHead(promotion, changesOf(contexts));
  if (promoted !== "none") {
    state = await readSinkState(repository, wanted, signal, { withoutHead: promoted === "impossible" });
    contexts = await plan();
  }
  const timelines = changesOf(contexts);
  for (const change of timelines)
    observer({ kind: "warning", sink: name, message: describeTimelines(change) });
  const planned = contexts.map(({ run }) => run);
  const firstId = nextRestorePointId(shared.started, newestId(state));
  warnOfClock(firstId, shared.started, name, observer);

  step("transfer");
  await announceWork(shared, planned, controlDb, name, observer);
  const transfer = new Transfer(shared.source, sink, exclusive, name, observer, shared.largeAtOnce);
  const checkpointer = new Checkpointer(repository, firstId, shared.checkpointInterval);
  const stored: StoredContext[] = [];
  for (const context of planned)
    stored.push(await storeContext({ shared, transfer, checkpointer, repository, observer, name }, context));

  // Last: a run that is cut off leaves none.
  const { id, stored: storedControlDb } = await storeControlDb(transfer, controlDb, firstId, shared.signal);

  step("commit"); // The manifest is the last write: with it, the restore point exists.
  const manifest: Manifest = {
    id,
    repository: repository.info.id,
    parent: state.newest?.id ?? null,
    started: shared.started.toISOString(),
    finished: shared.now().toISOString(),
    agent: shared.agent,
    server: {
      name: shared.identity.nodeName,
      version: shared.identity.version,
      edition: shared.identity.edition,
    },
    controlDb: storedControlDb,
    contexts: stored.map(({ manifest: context }) => context),
  };
  await commit(repository, manifest, exclusive);
  observer({ kind: "committed", sink: name, restorePoint: id });

  const tools = { repository, state, restorePoint: id, stored, name, observer };
  await tidy({ ...tools, checkpoints: checkpointer.keys });

  return {
    sink: name,
    outcome: "committed",
    restorePoint: id,
    contexts: stored.map(reportContext),
    timelines,
    sent: transfer.sent,
  };
}

/** Plans each context. Changes nothing. */
async function planContexts(tools: PlanningTools): Promise<readonly PlannedContext[]> {
  const planned: PlannedContext[] = [];
  for (const context of tools.contexts) planned.push(await planContext(tools, context));
  return planned;
}

function changesOf(planned: readonly PlannedContext[]): readonly TimelineChange[] {
  return planned.flatMap(({ change }) => change ?? []);
}

/** What the next one comes after: a head that counts has an id like a restore point's, and may become one. */
function newestId({ head, ids }: SinkState): RestorePointId | undefined {
  return head.state === "current" ? head.manifest.id : ids.at(-1);
}

function gone(): EngineError {
  return new EngineError(
    "failed",
    "the repository that was there is gone: the sink is empty, and it had restore points",
    "See whether its file system is mounted, and whether somebody has moved or removed it. If it was emptied on purpose, restart the service: it then begins anew.",
  );
}

function leaseOptions(shared: SharedRun, sink: string, observer: Observer): LeaseOptions {
  const warn = (message: string): void => {
    observer({ kind: "warning", sink, message });
  };
  return {
    agent: shared.agent,
    command: "backup",
    now: shared.now,
    signal: shared.signal,
    ...shared.lease,
    ...leaseWarnings(warn),
  };
}

async function readRepository(
  { contexts, now, signal }: SharedRun,
  sink: Sink,
): Promise<{ readonly repository: Repository; readonly state: SinkState }> {
  // First, and before anything is looked at: what a run that lost the lock had begun takes no effect any more. Where the storage decides by versions, it needn't be waited for.
  const others = (place: string): boolean => parseScratch(place) === undefined;
  const cleaned = sink.removeLeftovers?.({ others, ...options(signal) });
  if (sink.conditional?.ifUnchanged === undefined) await cleaned;
  const [repository] = await together(Repository.openOrCreate(sink, now(), signal), cleaned);
  return { repository, state: await readSinkState(repository, contexts, signal) };
}

/** @throws EngineError `locked` when the repository isn't what the run has seen, or not its own, any more */
async function requireCurrent(repository: Repository, { ids }: SinkState, lease: Lease): Promise<void> {
  await lease.confirm();
  const newest = (await repository.restorePoints()).at(-1);
  if (newest !== undefined && newest !== ids.at(-1)) throw storedByAnother(restorePointKey(newest));
}

/** Two runs that don't know of each other may have begun at the same time: each control DB has a name of its own. */
async function storeControlDb(
  transfer: Transfer,
  controlDb: ControlDbFile,
  firstId: RestorePointId,
  signal: AbortSignal,
): Promise<{ readonly id: RestorePointId; readonly stored: StoredControlDb }> {
  for (let id = firstId; ; id = nextRestorePointId(timeOf(id), id))
    try {
      return { id, stored: await transfer.controlDb(controlDbKey(id), controlDb, signal) };
    } catch (error) {
      if (!isSinkError(error, "conflict")) throw error;
    }
}

/** Milliseconds: so much two machines' clocks may differ. */
const CLOCKS_DIFFER = 60_000;

/** A restore point is named after the one before: after a clock that was ahead, names are ahead, too. */
function warnOfClock(id: RestorePointId, started: Date, sink: string, observer: Observer): void {
  if (timeOf(id).getTime() - started.getTime() <= CLOCKS_DIFFER) return;
  observer({
    kind: "warning",
    sink,
    message: `restore point ${id} is named later than it is: the newest one on the sink has a time that hasn't come yet by this machine's clock, ${started.toISOString()}. One of two clocks is, or was, wrong. Its manifest has this machine's time as well, which retention goes by`,
  });
}

/** A context that was backed up until now may have been deleted, moved to another node, or left out by mistake. */
function warnOfContextsLeftOut(shared: SharedRun, state: SinkState, sink: string, observer: Observer): void {
  for (const { name } of state.newest?.contexts ?? [])
    if (!shared.contexts.includes(name))
      observer({
        kind: "warning",
        sink,
        message: `context ${name} is in restore point ${state.newest?.id ?? ""}, and will not be in this one: ${shared.identity.contexts.includes(name) ? "the configuration leaves it out" : "the server does not store it any more"}. What was stored of it stays`,
      });
}

/** How much there is to send, for progress. */
async function announceWork(
  shared: SharedRun,
  contexts: readonly ContextRun[],
  controlDb: ControlDbFile,
  sink: string,
  observer: Observer,
): Promise<void> {
  const files: (SourceFile | ControlDbFile)[] = [controlDb];
  let openObjects = 0;
  let openBytes = 0;
  for (const { captured, plan } of contexts)
    for (const store of STORE_KINDS) {
      for (const planned of plan[store].files)
        if (planned.kind !== "inherited" && planned.kind !== "retry") files.push(planned.file);
      openObjects += captured[store].open.length;
      for (const { state } of captured[store].open) openBytes += state.validBytes;
    }
  const bytes = openBytes + (await shared.source.measure(files, shared.signal));
  observer({ kind: "work", sink, objects: openObjects + files.length, bytes });
}
