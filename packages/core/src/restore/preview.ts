import type { StoreKind, Token } from "@axon-backup/axon-server";
import { isSinkError } from "@axon-backup/sink";
import { atOnce } from "../at-once.js";
import { ignoreEvents } from "../observer.js";
import { lastBefore } from "../repository/head.js";
import type { Manifest } from "../repository/manifest.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { choose } from "./choose.js";
import { describeControlDb } from "./describe-control-db.js";
import { dateOf } from "./date-of.js";
import { type ExaminedTarget, examineTarget } from "./examine-target.js";
import { type Measured, measureRate } from "./measure-rate.js";
import type { ContextPlan, PlannedFile, RestorePlan, StorePlan } from "./plan.js";
import { filesOf } from "./planned-files.js";
import { findTransaction, type SearchTools } from "./search.js";
import type { Sources } from "./sources.js";
import type { KeptFiles, RestoreOptions } from "./types.js";
import { type Warnings, withSources } from "./with-sources.js";

/** What a restore would do. */
export interface RestorePreview {
  readonly restorePoint: RestorePointId;
  /** Whether that is the head, which came after the newest restore point. */
  readonly isHead: boolean;
  /** The name of the sink that would serve. */
  readonly sink: string;
  readonly controlDb: {
    readonly name: string;
    /** The restore point that it was stored with. */
    readonly restorePoint: RestorePointId;
    readonly made: Date;
    /** Bytes of the zip. */
    readonly size: number;
  };
  readonly contexts: readonly PreviewedContext[];
  readonly contextsLeftOut: readonly string[];
  /** The time that is asked for, if one is. Whether events later than it stay, because clocks were in disorder, only a restore finds out. */
  readonly time: Date | null;
  /** To read, the control DB included. */
  readonly objects: number;
  readonly bytes: number;
  /** Of these, what is in the target already, with `resume` or `delta`; null without. By its length alone: a restore reads it, and fetches what isn't right. */
  readonly kept: KeptFiles | null;
  /** Of what is to be fetched. Undefined when too little came in time to tell. */
  readonly measured: Measured | undefined;
  readonly target: ExaminedTarget;
  readonly warnings: readonly string[];
}

export interface PreviewedContext {
  readonly name: string;
  readonly timeline: number;
  readonly events: PreviewedStore & {
    /** The last event's token; null for none. */
    readonly lastToken: Token | null;
    readonly lastTokenExact: boolean;
    /** When it was written, by its own account; null when there is none, or it can't be told. */
    readonly lastTimestamp: Date | null;
    /** How many events of the restore point are left out; the least, unless `droppedExact`. */
    readonly dropped: number;
    readonly droppedExact: boolean;
    readonly cutSegment: string | null;
  };
  /** Those of a later state than the events are left out: how many, only a restore finds out. */
  readonly snapshots: PreviewedStore;
}

export interface PreviewedStore {
  readonly objects: number;
  /** To read. */
  readonly bytes: number;
}

/**
 * Finds out what `restore` would do with the same options, without touching the target: reads what that reads to find the moment, of each context the segment with the last event, and a sample of the objects for
 * the sink's rate.
 * @throws EngineError, SinkError: what `restore` would throw before it touches the target, but for the target's own problems, which are reported
 */
export async function previewRestore(options: RestoreOptions): Promise<RestorePreview> {
  return withSources(options, (sources, told) => previewFrom(sources, options, told));
}

async function previewFrom(
  sources: Sources,
  options: RestoreOptions,
  { warn, warnings }: Warnings,
): Promise<RestorePreview> {
  const { name, signal, observer = ignoreEvents } = options;
  observer({ kind: "step", sink: name, step: "restore point" });
  const { manifest, isHead, contexts: chosen, plan } = await choose(sources, options, warn);
  const tools = { sources, atOnce: atOnce(options.connections), warn, signal };
  const contexts: PreviewedContext[] = [];
  for (const context of plan.contexts) {
    const { timeline = 0 } = chosen.find(({ name: other }) => other === context.name) ?? {};
    contexts.push(await previewContext({ ...tools, context: context.name }, context, timeline));
  }
  const { resume = false, delta = false, time = null } = options;
  const { target, present } = await examineTarget(options.target, plan, { resume, delta });
  observer({ kind: "step", sink: name, step: "measurement" });
  return {
    restorePoint: manifest.id,
    isHead,
    sink: sources.inOrder[0]?.name ?? name,
    controlDb: { ...describeControlDb(manifest), size: manifest.controlDb.size },
    contexts,
    contextsLeftOut: leftOut(manifest, plan),
    time,
    objects: plan.objects,
    bytes: plan.bytes,
    kept: resume || delta ? { files: present.length, bytes: bytesOf(present) } : null,
    measured: await measure(sources, plan, new Set(present), options, warn),
    target,
    warnings,
  };
}

/** The contexts of a restore point that are not in the plan. */
export function leftOut(manifest: Manifest, { contexts }: RestorePlan): readonly string[] {
  return manifest.contexts
    .map(({ name }) => name)
    .filter((name) => !contexts.some((context) => context.name === name));
}

async function previewContext(
  tools: SearchTools,
  { name, stores, cutBefore }: ContextPlan,
  timeline: number,
): Promise<PreviewedContext> {
  const { head, nextToken: whole, headExact, files } = stores.events;
  const wanted = cutBefore ?? whole;
  const isEmpty = head === undefined || wanted <= head.first;
  const end = isEmpty ? undefined : (await findTransaction(tools, head, (wanted - 1) as Token))?.after;
  const nextToken = end?.nextToken ?? wanted;
  const lastTokenExact = cutBefore !== undefined || headExact;
  const count = (kind: StoreKind): PreviewedStore => countOf(stores[kind]);
  return {
    name,
    timeline,
    events: {
      ...count("events"),
      lastToken: lastBefore(nextToken),
      lastTokenExact,
      lastTimestamp: lastTokenExact ? dateOf(end?.lastTimestamp) : null,
      dropped: whole - nextToken,
      droppedExact: cutBefore === undefined || headExact,
      cutSegment: files.find((file) => file.cutBefore !== undefined)?.name ?? null,
    },
    snapshots: count("snapshots"),
  };
}

function countOf({ files }: StorePlan): PreviewedStore {
  return { objects: files.length, bytes: bytesOf(files) };
}

function bytesOf(files: readonly PlannedFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** A sink that can't be measured is no reason to say nothing else. */
async function measure(
  sources: Sources,
  plan: RestorePlan,
  present: ReadonlySet<PlannedFile>,
  { connections, signal }: RestoreOptions,
  warn: (message: string) => void,
): Promise<Measured | undefined> {
  const [source] = sources.inOrder;
  if (!source) return undefined;
  const files = filesOf(plan).flatMap(({ file }) => (present.has(file) ? [] : file));
  const objects = [{ key: plan.controlDb.key, bytes: plan.controlDb.size }, ...files];
  try {
    return await measureRate(await source.sink(), objects, atOnce(connections), signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (!isSinkError(error)) throw error;
    warn(`the rate of ${source.name} could not be measured: ${error.message}`);
    return undefined;
  }
}
