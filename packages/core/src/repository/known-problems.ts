import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import type { Manifest } from "./manifest.js";
import type { Repository } from "./repository.js";

/** A segment of a restore point that was damaged on the server when it was stored. */
export interface KnownProblem {
  readonly context: string;
  readonly store: StoreKind;
  /** The segment's name. */
  readonly name: string;
  /** A sentence that reads on after the name. */
  readonly problem: string;
}

/**
 * The segments of a restore point that were damaged on the server when they were stored. Reads the pages that list one, and no others.
 * @throws EngineError `damage` when such a page is missing or damaged
 */
export async function knownProblems(
  repository: Pick<Repository, "page">,
  manifest: Manifest,
): Promise<KnownProblem[]> {
  const found: KnownProblem[] = [];
  for (const context of manifest.contexts)
    for (const store of STORE_KINDS) {
      const { pages, recent } = context[store];
      const listed = [...recent];
      for (const reference of pages)
        if (reference.problems !== undefined) listed.push(...(await repository.page(reference)).files);
      for (const { name, problem } of listed)
        if (problem !== undefined) found.push({ context: context.name, store, name, problem });
    }
  return found;
}
