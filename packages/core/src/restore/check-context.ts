import { lstat, readdir } from "node:fs/promises";
import {
  compareStoreFiles,
  parseStoreFileName,
  type SegmentEvent,
  type StoreFileName,
  STORE_KINDS,
  type StoreKind,
  type Token,
} from "@axon-backup/axon-server";
import { mapConcurrent } from "../concurrency.js";
import { lastBefore } from "../repository/head.js";
import { compareStore } from "./check-against.js";
import { readSegmentFile } from "./check-files.js";
import { notesOnForeign } from "./check-foreign.js";
import { EventTrail } from "./cut.js";
import { errorCode, inside, onDisk } from "./disk.js";
import {
  type CheckFinding,
  endOfStore,
  judgeStore,
  newestOf,
  type ReadStore,
  type SegmentFile,
} from "./judge-store.js";
import { whatDiffers } from "./local-file.js";
import type { ContextPlan } from "./plan.js";

/** Files that are read side by side: each has a buffer of 1 MiB, and one disk. */
const AT_ONCE = 4;

export interface CheckedStore {
  /** Segments and index files. */
  readonly files: number;
  readonly bytes: number;
  /** The last event's (or snapshot's) token; null for none. */
  readonly lastToken: Token | null;
}

export interface CheckedContextResult {
  readonly events: CheckedStore;
  readonly snapshots: CheckedStore;
  readonly findings: readonly CheckFinding[];
  readonly notes: readonly string[];
}

/**
 * Reads a restored context, snapshots before events, and says what isn't right.
 * @param plan what was restored; undefined to look at the context alone
 */
export async function checkContext(
  directory: string,
  context: string,
  plan: ContextPlan | undefined,
  signal: AbortSignal,
): Promise<CheckedContextResult> {
  const findings: CheckFinding[] = [];
  const notes: string[] = [];
  const path = inside(directory, context);
  const names = await namesIn(path);
  notes.push(...(await notesOnForeign(path, context)));
  const firstEvent = names.events.find((name) => name.kind === "segment")?.segment ?? 0;
  const trail = new EventTrail({ isCut: false, isShortened: firstEvent > 0 });
  const checked: Partial<Record<StoreKind, CheckedStore>> = {};
  for (const store of STORE_KINDS) {
    const read = await readStore(path, names[store], store, plan, trail, signal);
    const unsound = judgeStore(read);
    const known = new Set(
      plan?.stores[store].files.filter(({ problem }) => problem !== undefined).map(({ name }) => name),
    );
    for (const finding of unsound)
      if (known.has(finding.path))
        notes.push(`${context}: ${finding.path} ${finding.finding}; it was so when it was backed up`);
      else findings.push(finding);
    if (plan) {
      const compared = compareStore(
        read,
        plan.stores[store],
        new Set(names[store].map(({ name }) => name)),
        read.differences,
        context,
      );
      // What is wrong by itself already needn't be said twice.
      const told = new Set(findings.map((finding) => finding.path));
      findings.push(...compared.findings.filter((finding) => !told.has(finding.path)));
      notes.push(...compared.notes);
    } else notes.push(...noteOnBeginning(context, store, read));
    checked[store] = {
      files: names[store].length,
      bytes: read.bytes,
      lastToken: lastBefore(endOfStore(read.segments)),
    };
    if (store === "events" && trail.uncutSnapshots === "look")
      findings.push(...(await laterSnapshots(path, names.snapshots, trail, signal)));
  }
  if (trail.doubtful > 0)
    notes.push(
      `${context}: of ${trail.doubtful} snapshots it can't be told whether the events have that state: no event of the aggregate is there, or the snapshot can't be read`,
    );
  return {
    // Both were read.
    ...(checked as Record<StoreKind, CheckedStore>),
    findings: findings.map(({ path: name, finding }) => ({ path: `${context}/${name}`, finding })),
    notes,
  };
}

/** What came before may have been removed by the server's retention, or be missing: by itself, a store doesn't tell. */
function noteOnBeginning(context: string, store: StoreKind, { segments }: ReadStore): string[] {
  const first = newestOf(segments)[0]?.name;
  if (first === undefined || first.segment === 0) return [];
  return [
    `${context}: the ${store} begin with token ${first.segment}: whether the server had removed what came before, or segments are missing, can't be told by the directory alone`,
  ];
}

async function namesIn(path: string): Promise<Record<StoreKind, readonly StoreFileName[]>> {
  const names = await onDisk(`reading ${path}`, async () => {
    try {
      return await readdir(path);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
  });
  const of = (store: StoreKind): StoreFileName[] =>
    names.flatMap((name) => parseStoreFileName(name, store) ?? []).sort(compareStoreFiles);
  return { events: of("events"), snapshots: of("snapshots") };
}

async function readStore(
  path: string,
  names: readonly StoreFileName[],
  store: StoreKind,
  plan: ContextPlan | undefined,
  trail: EventTrail,
  signal: AbortSignal,
): Promise<ReadStore & { readonly bytes: number; readonly differences: ReadonlyMap<string, string> }> {
  const planned = new Map(plan?.stores[store].files.map((file) => [file.name, file]));
  const segmentNames = names.filter((name) => name.kind === "segment");
  const indexes = names.filter((name) => name.kind === "index");
  const counts = new Set(
    segmentNames.filter((name, index) => segmentNames[index + 1]?.segment !== name.segment),
  );
  const watch = (events: readonly SegmentEvent[]): void => {
    if (store === "events") trail.addEvents(events);
    else trail.addSnapshots(events);
  };
  const segments = await mapConcurrent(
    segmentNames,
    AT_ONCE,
    signal,
    async (name, inner): Promise<SegmentFile> => {
      const file = planned.get(name.name);
      const expected = file?.cutBefore === undefined ? file : undefined;
      const onEvents = counts.has(name) ? watch : undefined;
      return {
        name,
        read: await readSegmentFile(inside(path, name.name), name.segment, expected, onEvents, inner),
      };
    },
  );
  for (const { read } of newestOf(segments))
    if (store === "events") trail.endSegment(read.scan);
    else trail.endSnapshots(read.scan);
  const differences = new Map<string, string>();
  let bytes = segments.reduce((sum, { read }) => sum + read.length, 0);
  for (const { name } of indexes) {
    const file = planned.get(name);
    const difference = file && (await whatDiffers(inside(path, name), file, { signal }));
    if (difference !== undefined) differences.set(name, difference);
    bytes += (await lstat(inside(path, name))).size;
  }
  return { store, segments, indexes, bytes, differences };
}

/** Snapshots of a state that the events don't have: the server would give that, and refuse what comes next for the aggregate. */
async function laterSnapshots(
  path: string,
  names: readonly StoreFileName[],
  trail: EventTrail,
  signal: AbortSignal,
): Promise<CheckFinding[]> {
  const findings: CheckFinding[] = [];
  for (const name of names) {
    if (name.kind !== "segment") continue;
    let later = 0;
    const onEvents = (snapshots: readonly SegmentEvent[]): void => {
      later += snapshots.filter((snapshot) => trail.isLater(snapshot)).length;
    };
    await readSegmentFile(inside(path, name.name), name.segment, undefined, onEvents, signal);
    if (later > 0)
      findings.push({
        path: name.name,
        finding: `holds ${later} snapshots of a later state than the events`,
      });
  }
  return findings;
}
