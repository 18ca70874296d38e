import type { ObjectKey } from "@axon-backup/sink";
import { type FoundHead, headProblem } from "../repository/find-head.js";
import { REPOSITORY_KEY, timelinesIn } from "../repository/layout.js";
import type { Manifest } from "../repository/manifest.js";
import { options } from "../repository/read-optional.js";
import type { Repository } from "../repository/repository.js";
import { requireSameRepository } from "../repository/repository-info.js";
import { emptyState, readPages, recordedState } from "./context-state.js";
import type { ContextState } from "./model.js";
import { newestReadable, type Recorded, recordedContexts } from "./recorded.js";

/** What a sink holds, read from the sink itself: no state is kept anywhere else. */
export interface SinkState {
  /** The newest restore point that can be read. */
  readonly newest: Manifest | undefined;
  /** What was stored after it, if anything was. */
  readonly head: FoundHead;
  /** The head, if it counts, or else the newest restore point: where the sink stands. */
  readonly last: Manifest | undefined;
  /** Every restore point, readable or not, oldest first. */
  readonly ids: readonly Manifest["id"][];
  /** Keys of checkpoints of runs that were cut off. */
  readonly checkpoints: readonly ObjectKey[];
  /** Whether there are restore points that can't be read, whole or in part: what they need isn't known then. */
  readonly isPartlyUnreadable: boolean;
  readonly warnings: readonly string[];
  /** What it holds of a context, in the timeline that goes on. */
  context(name: string): ContextState;
  /** What it holds of a context in another timeline; undefined when a page of it can't be read. */
  recorded(known: Recorded): Promise<ContextState | undefined>;
  /** What it holds of a timeline that no restore point has. */
  empty(name: string, timeline: number): ContextState;
  /** The timelines of a context that it holds objects of. */
  timelines(name: string): ReadonlySet<number>;
}

/**
 * Reads what the sink holds: the newest manifest with its pages, a listing of all copies, damage marks, and checkpoints.
 * @param withoutHead whether what was stored after the newest restore point doesn't count
 * @param wanted the contexts that will be backed up. Of one that the newest restore point doesn't have, the newest that does is read as well.
 */
export async function readSinkState(
  repository: Repository,
  wanted: readonly string[],
  signal?: AbortSignal,
  { withoutHead = false }: { readonly withoutHead?: boolean } = {},
): Promise<SinkState> {
  const warnings: string[] = [];
  const { restorePoints: ids, head: found } = await repository.commits();
  const head: FoundHead = withoutHead ? { state: "none" } : found;
  const current = head.state === "current" ? head : undefined;
  const newest = current?.base ?? (await newestReadable(repository, ids, warnings));
  if (newest) requireSameRepository(newest, repository.info.id, REPOSITORY_KEY);
  const sizes = new Map<string, number>();
  for await (const { key, size } of repository.sink.list("contexts/", options(signal))) sizes.set(key, size);
  const isRecorded = (name: string): boolean =>
    newest?.contexts.some((context) => context.name === name) ?? false;
  const absent = wanted.filter((name) => !isRecorded(name) && timelinesIn(sizes.keys(), name).size > 0);
  const recorded = await recordedContexts(repository, ids, newest, absent, warnings);
  // What is compared, and must be kept, is what was stored last; where the next one goes on from is the restore point.
  if (current)
    for (const context of current.manifest.contexts)
      recorded.set(context.name, { restorePoint: current.manifest.id, context });
  const pages = await readPages(
    repository,
    Array.from(recorded.values(), ({ context }) => context),
    warnings,
  );
  const damaged = await repository.damagedKeys();
  const checkpoints = await repository.checkpoints();
  const held = { sizes, damaged, checkpoints };

  return {
    newest,
    head,
    last: current?.manifest ?? newest,
    ids,
    checkpoints: checkpoints.map(({ key }) => key),
    isPartlyUnreadable: warnings.length > 0,
    warnings: [...problemsOf(repository, head), ...warnings],
    context(name) {
      const known = recorded.get(name);
      return known ? recordedState(held, pages, known) : emptyState(held, name, 0);
    },
    async recorded(known) {
      const damages: string[] = [];
      const state = recordedState(held, await readPages(repository, [known.context], damages), known);
      return damages.length > 0 ? undefined : state;
    },
    empty: (name, timeline) => emptyState(held, name, timeline),
    timelines: (name) => timelinesIn(sizes.keys(), name),
  };
}

function problemsOf({ problem }: Repository, head: FoundHead): string[] {
  const damaged = headProblem(head);
  return [
    ...(problem === undefined
      ? []
      : [`${REPOSITORY_KEY} ${problem}; what it said is taken from the restore points`]),
    ...(damaged ? [`${damaged.message}; going on from the restore point before it`] : []),
  ];
}
