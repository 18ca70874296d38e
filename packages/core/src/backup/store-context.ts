import { STORE_KINDS, type StoreKind, type Token } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { mapConcurrent } from "../concurrency.js";
import { objectOf } from "../repository/closed-object.js";
import { headOf } from "../repository/head.js";
import { storeFileKey } from "../repository/layout.js";
import type { ClosedFile, ContextManifest, OpenSegment, StoreManifest } from "../repository/manifest.js";
import { requireChain } from "./chain.js";
import { storeClosedFile } from "./closed-file.js";
import type { CapturedStore, ContextRun, Outcome, StoreOnSink } from "./model.js";
import type { StoringTools } from "./storing-tools.js";
import { paginate } from "./pages.js";
import type { PlannedFile } from "./plan.js";
import type { ContextReport, Tally } from "./types.js";

/** A context that is stored, and not yet committed. */
export interface StoredContext {
  readonly manifest: ContextManifest;
  readonly outcomes: Readonly<Record<StoreKind, readonly Outcome[]>>;
  /** Keys marked as damaged that were stored again, or found right. */
  readonly mended: readonly ObjectKey[];
}

/** Stores what the plan says of one context: closed files first, then the copies of the open segments, then pages. */
export async function storeContext(tools: StoringTools, run: ContextRun): Promise<StoredContext> {
  const manifests: Partial<Record<StoreKind, StoreManifest>> = {};
  const outcomes: Partial<Record<StoreKind, readonly Outcome[]>> = {};
  const mended: ObjectKey[] = [];
  for (const store of STORE_KINDS) {
    const keyOf = (name: string): ObjectKey => storeFileKey(run.name, run.state.timeline, store, name);
    for (const message of run.captured[store].warnings)
      tools.observer({ kind: "warning", sink: tools.name, message });
    const done = await storeClosed(tools, run, store, keyOf);
    const files = done.flatMap((outcome) => (outcome.kind === "gone" ? [] : [outcome.entry]));
    const states = run.captured[store].open.map(({ state }) => state);
    const first = requireChain(`${run.name} (${store})`, store, files, states);
    if (first !== undefined && first > 0 && run.state.stores[store].files.closed.length === 0)
      tools.observer({
        kind: "warning",
        sink: tools.name,
        message: `${run.name} (${store}) begins at token ${first}: the server doesn't have, or doesn't list, what came before, so the backup doesn't have it either`,
      });
    const open = await overwriteOpen(tools, run.captured[store], keyOf);
    const onSink = run.state.stores[store];
    manifests[store] = await describeStore(tools, run, store, files, open, onSink);
    outcomes[store] = done;
    const stored = [
      ...done.flatMap((outcome) => (outcome.kind === "gone" ? [] : [objectOf(outcome.entry)])),
      ...open.map(({ name }) => name),
    ];
    mended.push(...stored.filter((name) => onSink.files.isDamaged(name)).map(keyOf));
  }
  const { snapshots, events } = manifests as Record<StoreKind, StoreManifest>;
  const { timeline, branch } = run.state;
  const manifest = { name: run.name, timeline, ...(branch && { branch }), snapshots, events };
  return { manifest, outcomes: outcomes as StoredContext["outcomes"], mended };
}

async function storeClosed(
  tools: StoringTools,
  { name: context, state: { timeline, stores }, plan }: ContextRun,
  store: StoreKind,
  keyOf: (name: string) => ObjectKey,
): Promise<Outcome[]> {
  const { shared, checkpointer } = tools;
  const previous = stores[store].state;
  const sameTools = { ...tools, keyOf, previous, context, store };
  const storeOne = async (planned: PlannedFile, signal: AbortSignal): Promise<Outcome> => {
    // Most of them, in most runs, and many.
    if (planned.kind === "inherited") return planned;
    const outcome = await storeClosedFile({ signal, ...sameTools }, planned);
    if (outcome.kind === "added") await checkpointer.stored({ context, timeline, store }, outcome.entry);
    return outcome;
  };
  const outcomes = await mapConcurrent(plan[store].files, shared.concurrency, shared.signal, storeOne);
  const gone = outcomes.flatMap((outcome) => (outcome.kind === "gone" ? [outcome.file] : []));
  const pathsOf = (kind: "segment" | "index"): string[] =>
    gone.filter(({ name }) => name.kind === kind).map(({ path }) => path);
  warnOf(tools, pathsOf("segment"), "listed, and then gone: the server has removed these segments meanwhile");
  const derived = [...pathsOf("index"), ...plan[store].dropped.map(({ name }) => keyOf(name))];
  warnOf(
    tools,
    derived,
    "left out, because they don't exist: index files are derived, and the server rebuilds them",
  );
  warnOf(
    tools,
    outcomes.flatMap((outcome) =>
      outcome.kind === "inherited" && outcome.entry.problem !== undefined
        ? [`${keyOf(objectOf(outcome.entry))} ${outcome.entry.problem}`]
        : [],
    ),
    "so it was when it was stored, and the server has no better one now. Every restore point with it lacks events, until a backup finds the server's file whole",
  );
  return outcomes;
}

/** One warning, however many files: a compacted store lists thousands that don't exist. */
function warnOf({ observer, name }: StoringTools, files: readonly string[], what: string): void {
  if (files.length === 0) return;
  const shown = files.slice(0, 3).join(", ");
  const more = files.length > 3 ? ` and ${files.length - 3} more` : "";
  observer({ kind: "warning", sink: name, message: `${shown}${more}: ${what}` });
}

async function overwriteOpen(
  tools: StoringTools,
  captured: CapturedStore,
  keyOf: (name: string) => ObjectKey,
): Promise<OpenSegment[]> {
  const { shared, transfer } = tools;
  return mapConcurrent(captured.open, shared.concurrency, shared.signal, (open, signal) =>
    transfer.openSegment(keyOf(open.file.name.name), open, signal),
  );
}

async function describeStore(
  { repository, shared }: StoringTools,
  run: ContextRun,
  store: StoreKind,
  files: readonly ClosedFile[],
  open: readonly OpenSegment[],
  onSink: StoreOnSink,
): Promise<StoreManifest> {
  const { listing } = run.captured[store];
  const { kept, written, recent } = paginate(onSink.pages, files, shared.pageFiles);
  const pages = [...kept];
  for (const page of written)
    pages.push(
      await repository.writePage({ context: run.name, timeline: run.state.timeline, store, files: page }),
    );
  return {
    lastClosedSegment: listing.lastClosedSegment ?? null,
    lastVersion: listing.closed.reduce(
      (last, { name }) => Math.max(last, name.version),
      onSink.state.lastVersion,
    ),
    nextToken: open.at(-1)?.nextToken ?? (0 as Token),
    pages,
    recent,
    open,
  };
}

/** The figures of a stored context. */
export function reportContext({ manifest, outcomes }: StoredContext): ContextReport {
  const all = [...outcomes.snapshots, ...outcomes.events];
  const open = [...manifest.snapshots.open, ...manifest.events.open];
  const [events, snapshots] = [headOf(manifest.events), headOf(manifest.snapshots)];
  return {
    context: manifest.name,
    added: tally(all, "added"),
    inherited: tally(all, "inherited"),
    overwritten: { objects: open.length, bytes: open.reduce((sum, { validBytes }) => sum + validBytes, 0) },
    repaired: tally(all, "repaired"),
    lastEventToken: events.lastToken,
    lastEventTokenExact: events.exact,
    lastSnapshotToken: snapshots.lastToken,
    lastSnapshotTokenExact: snapshots.exact,
  };
}

function tally(outcomes: readonly Outcome[], kind: Outcome["kind"]): Tally {
  const entries = outcomes.flatMap((outcome) =>
    outcome.kind === kind && outcome.kind !== "gone" ? [outcome.entry] : [],
  );
  return { objects: entries.length, bytes: entries.reduce((sum, { size }) => sum + size, 0) };
}
