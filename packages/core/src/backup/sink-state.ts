import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { contextPrefix, REPOSITORY_KEY, storePrefix } from "../repository/layout.js";
import type { ClosedFile, ContextManifest, Manifest, StoreManifest } from "../repository/manifest.js";
import { newestReadable, recordedContexts } from "./recorded.js";
import { options } from "../repository/read-optional.js";
import type { Repository } from "../repository/repository.js";
import { requireSameRepository } from "../repository/repository-info.js";
import { type ContextState, NOTHING_STORED, type StoreOnSink } from "./model.js";
import { listAfter, type StoredFiles } from "./plan.js";

/** What a sink holds, read from the sink itself: no state is kept anywhere else. */
export interface SinkState {
  /** The newest restore point that can be read. */
  readonly newest: Manifest | undefined;
  /** The id of the newest one, readable or not. */
  readonly newestId: Manifest["id"] | undefined;
  /** Keys of checkpoints of runs that were cut off. */
  readonly checkpoints: readonly ObjectKey[];
  /** Whether there are restore points that can't be read, whole or in part: what they need isn't known then. */
  readonly isPartlyUnreadable: boolean;
  readonly warnings: readonly string[];
  context(name: string): ContextState;
}

/**
 * Reads what the sink holds: the newest manifest with its pages, a listing of all copies, damage marks, and checkpoints.
 * @param wanted the contexts that will be backed up. Of one that the newest restore point doesn't have, the newest that does is read as well.
 */
export async function readSinkState(
  repository: Repository,
  wanted: readonly string[],
  signal?: AbortSignal,
): Promise<SinkState> {
  const warnings: string[] = [];
  const ids = await repository.restorePoints();
  const newest = await newestReadable(repository, ids, warnings);
  if (newest) requireSameRepository(newest, repository.info.id, REPOSITORY_KEY);
  const sizes = new Map<string, number>();
  for await (const { key, size } of repository.sink.list("contexts/", options(signal))) sizes.set(key, size);
  const isRecorded = (name: string): boolean =>
    newest?.contexts.some((context) => context.name === name) ?? false;
  const absent = wanted.filter((name) => !isRecorded(name) && holdsAny(sizes, contextPrefix(name, 0)));
  const recorded = await recordedContexts(repository, ids, newest, absent, warnings);
  const pages = await readPages(repository, [...recorded.values()], warnings);
  const damaged: ReadonlySet<string> = await repository.damagedKeys();
  const checkpoints = await repository.checkpoints();

  return {
    newest,
    newestId: ids.at(-1),
    checkpoints: checkpoints.map(({ key }) => key),
    isPartlyUnreadable: warnings.length > 0,
    warnings: [...problemsOf(repository), ...warnings],
    context(name) {
      const manifest = recorded.get(name);
      const timeline = manifest?.timeline ?? 0;
      const stores: Partial<Record<StoreKind, StoreOnSink>> = {};
      for (const store of STORE_KINDS) {
        const unfinished = new Map<string, ClosedFile>();
        for (const { checkpoint } of checkpoints)
          for (const part of checkpoint?.stores ?? [])
            if (part.context === name && part.timeline === timeline && part.store === store)
              for (const file of part.files) unfinished.set(file.name, file);
        // Not a key each, checked again: there may be a hundred thousand names to look up.
        const prefix = storePrefix(name, timeline, store);
        stores[store] = storeOnSink(manifest, store, pages, {
          unfinished,
          sizeOf: (file) => sizes.get(prefix + file),
          isDamaged: (file) => damaged.has(prefix + file),
          names: () => namesBelow(sizes, prefix),
        });
      }
      return { timeline, stores: stores as ContextState["stores"] };
    },
  };
}

function problemsOf({ problem }: Repository): string[] {
  return problem === undefined
    ? []
    : [`${REPOSITORY_KEY} ${problem}; what it said is taken from the restore points`];
}

function holdsAny(sizes: ReadonlyMap<string, number>, prefix: string): boolean {
  for (const key of sizes.keys()) if (key.startsWith(prefix)) return true;
  return false;
}

function namesBelow(sizes: ReadonlyMap<string, number>, prefix: string): string[] {
  return [...sizes.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
}

function storeOnSink(
  manifest: ContextManifest | undefined,
  store: StoreKind,
  pagesOf: ReadonlyMap<StoreManifest, StoreOnSink["pages"]>,
  held: Omit<StoredFiles, "closed">,
): StoreOnSink {
  const recorded = manifest?.[store];
  if (!recorded) return { pages: [], files: { ...held, closed: [] }, state: NOTHING_STORED };
  const pages = pagesOf.get(recorded);
  const files = {
    ...held,
    closed: [...(pages ?? []).flatMap((page) => page.files), ...(pages ? recorded.recent : [])],
  };
  const { lastClosedSegment, lastVersion, open } = recorded;
  const after = pages ? listAfter(lastClosedSegment, files) : null;
  return { pages: pages ?? [], files, state: { lastClosedSegment, lastVersion, open, listAfter: after } };
}

/** Each store's pages. A store with a damaged page has none: everything that the server still has is compared with it, or stored again, and with it that page. */
async function readPages(
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
