import { EngineError } from "../errors.js";
import type { Observer } from "../observer.js";
import type { Manifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import { commit } from "./commit.js";
import type { ExclusivePuts } from "./exclusive-puts.js";
import { salvage } from "./salvage.js";
import type { SinkState } from "./sink-state.js";
import type { TimelineChange } from "./types.js";

/**
 * What became of a head:
 *
 * - `none`: the restore point that is about to be made has everything of it, or there is none.
 * - `promoted`: it is a restore point now, as far as it can be read.
 * - `impossible`: not even what its restore point needs can be read of it. What there is of it stays.
 */
export type Promotion = "none" | "promoted" | "impossible";

export interface PromotionTools {
  readonly repository: Repository;
  readonly state: SinkState;
  /** Those that the run backs up. */
  readonly contexts: readonly string[];
  readonly exclusive: ExclusivePuts;
  /** The sink's name. */
  readonly name: string;
  readonly observer: Observer;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes a restore point of the head, if the one that is about to be made won't have everything that the head has: a context goes on in another timeline, or is left out. What was stored since the newest
 * restore point would be in none of them otherwise.
 * @param timelines the contexts that go on in another timeline
 */
export async function promoteHead(
  { repository, state, contexts, exclusive, name, observer, signal }: PromotionTools,
  timelines: readonly TimelineChange[],
): Promise<Promotion> {
  const { head } = state;
  if (head.state !== "current") return "none";
  const diverged = timelines.map(({ context }) => context);
  const leftOut = head.head.contexts.flatMap((context) =>
    contexts.includes(context.name) ? [] : context.name,
  );
  if (diverged.length + leftOut.length === 0) return "none";
  const warn = (message: string): void => {
    observer({ kind: "warning", sink: name, message });
  };
  const { id } = head.manifest;
  let manifest: Manifest;
  try {
    manifest = await salvage(head.manifest, head.base, {
      sink: repository.sink,
      exclusive,
      sizeOf: (context, store, file) => state.context(context).stores[store].files.sizeOf(file),
      warn,
      signal,
    });
  } catch (error) {
    if (!(error instanceof EngineError && error.kind === "damage")) throw error;
    warn(
      `what was stored after restore point ${head.base.id} can't be kept as one of its own, because ${error.message}`,
    );
    return "impossible";
  }
  await commit(repository, manifest, exclusive);
  observer({ kind: "promoted", sink: name, restorePoint: id });
  const why =
    diverged.length > 0
      ? `the server's history of ${diverged.join(", ")} goes on from another point`
      : `this run leaves ${leftOut.join(", ")} out`;
  warn(
    `what was stored after restore point ${head.base.id} is kept as restore point ${id}: ${why}. Its control DB is that of ${head.manifest.controlDb.run ?? head.base.id}`,
  );
  return "promoted";
}
