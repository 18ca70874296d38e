import {
  AxonServerError,
  type ServerSource,
  type StoreKind,
  type StoreListing,
} from "@axon-backup/axon-server";
import { fixEnd } from "../backup/capture.js";
import { cursorFor } from "../backup/divergence.js";
import { longName } from "../backup/long-name.js";
import type { StoreState } from "../backup/model.js";
import { requireSameHistory } from "../backup/same-history.js";
import { isSegmentFile, newestVersions, segmentOf } from "../backup/store-files.js";
import type { ClosedFile, StoreManifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import { withHandle } from "../with-handle.js";
import { Ended } from "./ended.js";
import type { FollowedStore } from "./plan-cycle.js";
import type { StorePosition, WatchedSegment } from "./types.js";

/** A listed file may be gone by the time it is opened: how often a listing is taken anew. */
const LISTINGS = 3;

export interface CompareTools {
  readonly repository: Repository;
  readonly source: ServerSource;
  readonly warn: (message: string) => void;
  readonly manySegments: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Compares what a sink has of a store with the server's files, and finds the segments that came after it up to those that are watched.
 * @param stored what the newest restore point or head says of it
 * @throws Diverged; Ended when it can't be gone on from; AxonServerError
 */
export async function compareStore(
  tools: CompareTools,
  context: string,
  store: StoreKind,
  stored: StoreManifest,
  position: StorePosition,
): Promise<FollowedStore> {
  const { source, repository, signal } = tools;
  const previous = await stateOf(repository, stored);
  for (let attempt = 1; ; attempt++) {
    const listing = await source.list(context, store, cursorFor(previous), signal);
    try {
      const { warnings } = await requireSameHistory(source, listing, previous, signal);
      await requireUntransformed(repository, listing, stored, warnings);
      const early = await readEarly(tools, listing, stored, position);
      return { after: stored.lastClosedSegment, early, open: stored.open };
    } catch (error) {
      const vanished = error instanceof AxonServerError && error.kind === "vanished";
      if (!vanished || attempt === LISTINGS) throw error;
    }
  }
}

/** What the server is asked and compared with. Where open segments hold no event, the last closed one tells the histories apart. */
async function stateOf(repository: Repository, store: StoreManifest): Promise<StoreState> {
  const { lastClosedSegment, lastVersion, open } = store;
  const state = { lastClosedSegment, lastVersion, open, listAfter: lastClosedSegment };
  if (open.some(({ name, nextToken }) => nextToken > segmentOf(name)) || lastClosedSegment === null)
    return state;
  let anchor: ClosedFile | undefined;
  let before: StoreState["listAfter"] = null;
  for (const file of await repository.closedFiles(store)) {
    if (!isSegmentFile(file.name)) continue;
    const segment = segmentOf(file.name);
    if (segment === lastClosedSegment) anchor = file;
    else if (before === null || segment > before) before = segment;
  }
  return anchor === undefined || anchor.problem !== undefined
    ? state
    : { ...state, anchor, listAfter: before };
}

/** A head's closed files are those of its restore point: of newer versions, only the next one can tell. */
async function requireUntransformed(
  repository: Repository,
  { context, store, closed }: StoreListing,
  stored: StoreManifest,
  warnings: readonly string[],
): Promise<void> {
  const transformed = closed.filter(({ name }) => name.version > 0);
  let newer: (typeof transformed)[number] | undefined;
  if (transformed.length > 0) {
    const files = await repository.closedFiles(stored);
    const known = newestVersions(files.map(({ name }) => name));
    newer = transformed.find(({ name }) => name.version > (known.get(name.segment) ?? 0));
  }
  const [why = newer && `${newer.name.name} is there`] = warnings;
  if (why !== undefined)
    throw new Ended("transformed", `${context} (${store}): events were transformed, ${why}`);
}

async function readEarly(
  { source, warn, manySegments, signal }: CompareTools,
  { context, store, closed, open }: StoreListing,
  stored: StoreManifest,
  { segments }: StorePosition,
): Promise<WatchedSegment[]> {
  const first = segments[0]?.file.name.segment ?? 0;
  const files = [...closed, ...open].filter(
    ({ name }) => name.segment < first && name.segment > (stored.lastClosedSegment ?? -1),
  );
  if (files.length - stored.open.length >= manySegments)
    throw new Ended(
      "many-segments",
      `${context} (${store}): ${files.length} segments came since the last restore point`,
    );
  const early: WatchedSegment[] = [];
  for (const file of files) {
    const recorded = stored.open.find(({ name }) => longName(name) === longName(file.name.name));
    const warnings: string[] = [];
    const state = await withHandle(source, file, (handle) =>
      fixEnd(handle, file, recorded, warnings, signal),
    );
    warnings.forEach(warn);
    early.push({ ...state, file });
  }
  requireChain(context, store, [...early, ...segments.slice(0, 1)], stored);
  return early;
}

/** Segments that don't go on from each other can't be followed: a restore point finds out why, and stores what there is. */
function requireChain(
  context: string,
  store: StoreKind,
  chain: readonly WatchedSegment[],
  { lastClosedSegment, open }: StoreManifest,
): void {
  const [head] = chain;
  const expected = open[0] && segmentOf(open[0].name);
  if (head && expected !== undefined && head.file.name.segment > expected)
    throw new Ended("changed", `${context} (${store}): ${open[0]?.name ?? ""} isn't listed any more`);
  for (const [index, { name, complete, nextToken, file }] of chain.entries()) {
    const next = chain[index + 1];
    if (next === undefined || (complete && nextToken === next.file.name.segment)) continue;
    if (lastClosedSegment !== null && file.name.segment <= lastClosedSegment) continue;
    throw new Ended(
      "unreadable",
      `${context} (${store}): ${name} ends before token ${nextToken}${complete ? "" : ", unfinished"}, and ${next.name} follows it`,
    );
  }
}
