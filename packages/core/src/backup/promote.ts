import { STORE_KINDS } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import type { Observer } from "../observer.js";
import type { Manifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import { commit } from "./commit.js";
import type { ExclusivePuts } from "./exclusive-puts.js";
import { joinPieces } from "./join-pieces.js";
import type { SinkState } from "./sink-state.js";
import type { TimelineChange } from "./types.js";

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
 * @returns whether it did
 */
export async function promoteHead(
  { repository, state, contexts, exclusive, name, observer, signal }: PromotionTools,
  timelines: readonly TimelineChange[],
): Promise<boolean> {
  const { head } = state;
  if (head.state !== "current") return false;
  const diverged = timelines.map(({ context }) => context);
  const leftOut = head.head.contexts.flatMap((context) =>
    contexts.includes(context.name) ? [] : context.name,
  );
  if (diverged.length + leftOut.length === 0) return false;
  const warn = (message: string): void => {
    observer({ kind: "warning", sink: name, message });
  };
  const { id } = head.manifest;
  const cantBeKept = (why: string): false => {
    warn(
      `what was stored after restore point ${head.base.id} can't be kept as one of its own, because ${why}`,
    );
    return false;
  };
  const missing = firstMissing(head.manifest, state);
  if (missing !== undefined) return cantBeKept(missing);
  let manifest: Manifest;
  try {
    manifest = await joinPieces(head.manifest, repository.sink, exclusive, signal);
  } catch (error) {
    if (!(error instanceof EngineError && error.kind === "damage")) throw error;
    return cantBeKept(error.message);
  }
  await commit(repository, manifest, exclusive);
  const why =
    diverged.length > 0
      ? `the server's history of ${diverged.join(", ")} goes on from another point`
      : `this run leaves ${leftOut.join(", ")} out`;
  warn(
    `what was stored after restore point ${head.base.id} is kept as restore point ${id}: ${why}. Its control DB is that of ${head.manifest.controlDb.run ?? head.base.id}`,
  );
  return true;
}

/** A restore point that is committed restores: by a listing, whether the copies are as long as they must be. Those that go on in pieces are read. */
function firstMissing({ contexts }: Manifest, state: SinkState): string | undefined {
  for (const context of contexts)
    for (const store of STORE_KINDS) {
      const { files } = state.context(context.name).stores[store];
      const short = context[store].open.find(
        ({ name, validBytes, pieces }) => pieces === undefined && (files.sizeOf(name) ?? 0) < validBytes,
      );
      if (short)
        return `the copy of ${context.name}/${short.name} has fewer than ${short.validBytes} bytes on the sink`;
    }
  return undefined;
}
