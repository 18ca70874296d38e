import { STORE_KINDS, type StoreKind, type Token } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { contextPrefix, storePrefix } from "../repository/layout.js";
import type { Checkpoint, ClosedFile, ContextManifest, StoreManifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import { type ContextState, NOTHING_STORED, type StoreOnSink } from "./model.js";
import { listAfter, type StoredFiles } from "./plan.js";
import { isSegmentFile, segmentOf } from "./store-files.js";
import type { Recorded } from "./recorded.js";

/** What was found on a sink beside its manifests. */
export interface Found {
  /** The size of each object below `contexts/`. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly damaged: ReadonlySet<string>;
  readonly checkpoints: readonly { readonly key: ObjectKey; readonly checkpoint: Checkpoint | undefined }[];
}

/** A store's pages that could be read. */
export type Pages = ReadonlyMap<StoreManifest, StoreOnSink["pages"]>;

/** What the sink holds of a context in the timeline that a restore point has it in. A store whose pages aren't among `pages` counts as not recorded: everything of it is compared. */
export function recordedState(found: Found, pages: Pages, { restorePoint, context }: Recorded): ContextState {
  const { name, timeline, branch } = context;
  return {
    timeline,
    restorePoint,
    ...(branch && { branch }),
    stores: eachStore((store) =>
      storeOnSink(context[store], pages.get(context[store]), heldFiles(found, name, timeline, store)),
    ),
  };
}

/** The state of a timeline that no restore point has. What runs that were cut off have stored of it is there. */
export function emptyState(found: Found, name: string, timeline: number): ContextState {
  return {
    timeline,
    restorePoint: undefined,
    stores: eachStore((store) => ({
      pages: [],
      files: { ...heldFiles(found, name, timeline, store), closed: [] },
      state: NOTHING_STORED,
    })),
  };
}

/** The state, with its last closed segments to be compared as well: for a timeline that the server isn't expected to be in. */
export function withAnchors({ stores, ...state }: ContextState): ContextState {
  return { ...state, stores: eachStore((store) => anchored(stores[store])) };
}

/**
 * Each store's pages. A store with a damaged page has none: everything that the server still has is compared with it, or stored again, and with it that page.
 */
export async function readPages(
  repository: Repository,
  contexts: readonly ContextManifest[],
  warnings: string[],
): Promise<Map<StoreManifest, StoreOnSink["pages"]>> {
  const result = new Map<StoreManifest, StoreOnSink["pages"]>();
  for (const context of contexts)
    for (const store of STORE_KINDS) {
      try {
        const pages = await Promise.all(
          context[store].pages.map(async (reference) => ({
            reference,
            files: (await repository.page(reference)).files,
          })),
        );
        result.set(context[store], pages);
      } catch (error) {
        if (!(error instanceof EngineError) || error.kind !== "damage") throw error;
        warnings.push(
          `${error.message}; all of ${contextPrefix(context.name, context.timeline)}${store} is compared with the server's files, and stored again where it isn't the same`,
        );
      }
    }
  return result;
}

function eachStore<T>(make: (store: StoreKind) => T): Record<StoreKind, T> {
  return { snapshots: make("snapshots"), events: make("events") };
}

function heldFiles(
  { sizes, damaged, checkpoints }: Found,
  name: string,
  timeline: number,
  store: StoreKind,
): Omit<StoredFiles, "closed"> {
  const unfinished = new Map<string, ClosedFile>();
  for (const { checkpoint } of checkpoints)
    for (const part of checkpoint?.stores ?? [])
      if (part.context === name && part.timeline === timeline && part.store === store)
        for (const file of part.files) unfinished.set(file.name, file);
  // Not a key each, checked again: there may be a hundred thousand names to look up.
  const prefix = storePrefix(name, timeline, store);
  return {
    unfinished,
    sizeOf: (file) => sizes.get(prefix + file),
    isDamaged: (file) => damaged.has(prefix + file),
    names: () =>
      [...sizes.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : [])),
  };
}

function storeOnSink(
  recorded: StoreManifest,
  pages: StoreOnSink["pages"] | undefined,
  held: Omit<StoredFiles, "closed">,
): StoreOnSink {
  const { lastClosedSegment, lastVersion, open } = recorded;
  const closed = pages ? [...pages.flatMap((page) => page.files), ...recorded.recent] : [];
  const files = { ...held, closed };
  const after = pages ? listAfter(lastClosedSegment, files) : null;
  const store = {
    pages: pages ?? [],
    files,
    state: { lastClosedSegment, lastVersion, open, listAfter: after, closed: () => closed },
  };
  // Without an event in them, open segments tell nothing: another history may have one of the same number. A server begins a segment with an event, so that is rare.
  const tells = open.some(
    ({ name, nextToken, unknownFormat }) =>
      nextToken > Number.parseInt(name, 10) || unknownFormat !== undefined,
  );
  return tells ? store : anchored(store);
}

/** Has the last closed segment compared, and therefore listed. */
function anchored(store: StoreOnSink): StoreOnSink {
  const { state, files } = store;
  let file: ClosedFile | undefined;
  let before: Token | null = null;
  for (const candidate of files.closed) {
    if (!isSegmentFile(candidate.name)) continue;
    const segment = segmentOf(candidate.name);
    if (segment === state.lastClosedSegment) file = candidate;
    else if (before === null || segment > before) before = segment;
  }
  if (file === undefined || file.problem !== undefined) return store;
  const isListed = state.listAfter === null || (before !== null && state.listAfter <= before);
  return { ...store, state: { ...state, anchor: file, listAfter: isListed ? state.listAfter : before } };
}
