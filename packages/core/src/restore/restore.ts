import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import { atOnce, LargeGate } from "../at-once.js";
import { CONTROL_DB_FILE } from "../control-db/zip.js";
import { EngineError } from "../errors.js";
import { ignoreEvents } from "../observer.js";
import { lastBefore } from "../repository/head.js";
import { orNameOlder, orNameOtherControlDb } from "./alternatives.js";
import { choose } from "./choose.js";
import { describeControlDb } from "./describe-control-db.js";
import { dateOf } from "./date-of.js";
import { checkFreeSpace } from "./disk.js";
import { fetchContext, type FetchedContext, type FetchTools } from "./fetch-context.js";
import { fetchControlDb } from "./fetch-control-db.js";
import { LeftOut } from "./left-out.js";
import { warnOfMoment } from "./moment-warnings.js";
import type { PlannedFile, RestorePlan } from "./plan.js";
import type { Prepared } from "./prepare.js";
import { bytesToFetch, filesOf } from "./planned-files.js";
import type { Sources } from "./sources.js";
import type { Reuse } from "./takeover.js";
import { Target } from "./target.js";
import type { RestoredStore, RestoreOptions, RestoreReport } from "./types.js";
import { type Warnings, withSources } from "./with-sources.js";

/** What was fetched of a restore that failed stays, if it is so many bytes: less is fetched again in a moment. */
const WORTH_KEEPING = 64 * 1024 * 1024;

/**
 * Brings a store back: `<target>/<context>/…` and `<target>/axonserver-controldb.mv.db`, which Axon Server starts from with its storage and
 * `controldb-path` set to the target. Everything is fetched, checked against its SHA-256 and synced before anything gets its final name. After a failure or an
 * abort the target is as before, or keeps what was fetched for another one with `resume`: always with that option, and without it if it was much. After a kill, the next restore to it
 * removes what is left, or goes on with it.
 * @throws EngineError `usage`, `damage`, `locked`, `failed`; SinkError; the signal's reason
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  return withSources(options, (sources, told) => restoreFrom(sources, options, told));
}

async function restoreFrom(
  sources: Sources,
  options: RestoreOptions,
  { warn, warnings }: Warnings,
): Promise<RestoreReport> {
  const { name, signal, observer = ignoreEvents } = options;
  observer({ kind: "step", sink: name, step: "restore point" });
  const chosen = await orNameOlder(sources, options, () => choose(sources, options, warn));
  const { manifest, moment, plan } = chosen;

  observer({ kind: "step", sink: name, step: "target" });
  const target = await Target.claim(options.target, manifest.id, reuseOf(options, plan));
  const kept: PlannedFile[] = [];
  const leftOut = new LeftOut();
  let wholeBytes = 0;
  try {
    const { all, large } = atOnce(options.connections);
    const tools: FetchTools = {
      sources,
      name,
      observer: leftOut.observer(observer),
      signal,
      warn,
      leaveOut(file, error) {
        leftOut.add(file, error, warn);
      },
      concurrency: all,
      large: new LargeGate(large),
      onBytes: (bytes) => {
        observer({ kind: "bytes", sink: name, bytes });
      },
      present: (context, file) => (target.isReused ? target.present(context, file) : []),
      onWhole(file, wasThere) {
        wholeBytes += file.bytes;
        if (wasThere) kept.push(file);
      },
    };
    await target.tidy(new Set(filesOf(plan).map(({ path }) => path)));
    await checkFreeSpace(target.directory, await bytesToFetch(target, plan));
    observer({ kind: "step", sink: name, step: "transfer" });
    observer({ kind: "work", sink: name, objects: plan.objects, bytes: plan.bytes });
    const controlDbSize = await orNameOtherControlDb(sources, chosen, signal, () =>
      fetchControlDb(tools, target, plan.controlDb),
    );
    const fetched: FetchedContext[] = [];
    for (const context of plan.contexts)
      fetched.push(
        await leftOut.removeFrom(
          await fetchContext(tools, target.tree, context, moment.kind === "time" ? moment.time : undefined),
          context,
          target.tree,
        ),
      );
    warnOfMoment(fetched, moment, warn);
    signal?.throwIfAborted();

    observer({ kind: "step", sink: name, step: "completion" });
    await target.publish(expectedFiles(fetched, controlDbSize));
    return {
      ...report(target.directory, chosen, fetched, controlDbSize),
      kept: { files: kept.length, bytes: kept.reduce((sum, file) => sum + file.bytes, 0) },
      sink: sources.inOrder[0]?.name ?? name,
      warnings,
    };
  } catch (error) {
    await discard(target, wholeBytes >= WORTH_KEEPING, warn);
    throw error;
  }
}

function reuseOf({ resume = false, delta = false }: RestoreOptions, { contexts }: RestorePlan): Reuse {
  return { resume, delta, contexts: new Set(contexts.map(({ name }) => name)) };
}

/** What failed matters more than what can't be cleared: that is a warning. */
async function discard(target: Target, keep: boolean, warn: (message: string) => void): Promise<void> {
  try {
    if (await target.discard(keep))
      warn(
        `what was fetched stays in ${target.directory}: --resume goes on with it, and a restore without it removes it`,
      );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const next =
      error instanceof EngineError && error.kind === "usage" ? "" : ": the next restore to it will do so";
    warn(`${target.directory} could not be cleared (${why})${next}`);
  }
}

function expectedFiles(contexts: readonly FetchedContext[], controlDbSize: number): Map<string, number> {
  const expected = new Map([[CONTROL_DB_FILE, controlDbSize]]);
  for (const { name, stores } of contexts)
    for (const store of STORE_KINDS)
      for (const file of stores[store].files) expected.set(`${name}/${file.name}`, file.length);
  return expected;
}

function report(
  target: string,
  { manifest, isHead, plan }: Prepared,
  fetched: readonly FetchedContext[],
  controlDbSize: number,
): Omit<RestoreReport, "kept" | "sink" | "warnings"> {
  const contexts = fetched.map((context) => ({
    name: context.name,
    events: reportStore(context, plan, "events"),
    snapshots: reportStore(context, plan, "snapshots"),
  }));
  const stores = contexts.flatMap(({ events, snapshots }) => [events, snapshots]);
  return {
    restorePoint: manifest.id,
    isHead,
    target,
    controlDb: { ...describeControlDb(manifest), size: controlDbSize },
    contexts,
    contextsLeftOut: manifest.contexts
      .map(({ name }) => name)
      .filter((name) => !fetched.some((context) => context.name === name)),
    files: stores.reduce((sum, { files }) => sum + files, 1),
    bytes: stores.reduce((sum, { bytes }) => sum + bytes, controlDbSize),
  };
}

function reportStore(
  { name, stores, lastTimestamp }: FetchedContext,
  plan: RestorePlan,
  kind: StoreKind,
): RestoredStore {
  const { files, nextToken, cut } = stores[kind];
  const planned = plan.contexts.find((context) => context.name === name)?.stores[kind];
  const headExact = planned?.headExact ?? true;
  const lastTokenExact = cut !== undefined || headExact;
  const content = (file: (typeof files)[number]): number => (file === cut?.file ? cut.offset : file.bytes);
  return {
    files: files.length,
    bytes: files.reduce((sum, file) => sum + content(file), 0),
    lastToken: lastBefore(nextToken),
    lastTokenExact,
    nextToken,
    lastTimestamp: kind === "events" && lastTokenExact ? dateOf(lastTimestamp) : null,
    dropped: (planned?.nextToken ?? nextToken) - nextToken,
    droppedExact: cut === undefined || headExact,
    cutSegment: cut?.file.name ?? null,
  };
}
