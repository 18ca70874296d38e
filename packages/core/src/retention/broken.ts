import { STORE_KINDS } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { mapConcurrent } from "../concurrency.js";
import { kindOfKey } from "../repository/key-kind.js";
import { controlDbKeyOf, pageKey } from "../repository/layout.js";
import type { PageReference } from "../repository/manifest.js";
import { options } from "../repository/read-optional.js";
import type { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { type Needs, unmet } from "./needs.js";
import type { Decision } from "./policy.js";
import { addFiles, isUnreadable, readManifest, type Store } from "./references.js";

/** A restore point that can't be restored from this sink. */
export interface BrokenPoint {
  readonly id: RestorePointId;
  /** What is wrong first, as a sentence. */
  readonly problem: string;
}

/**
 * The restore points that lack something by the listing, or have something in them that is marked as damaged. Reads each manifest and each page, and lists everything: for when it is
 * known that something is wrong.
 */
export async function findBroken(
  repository: Repository,
  ids: readonly RestorePointId[],
  atOnce: number,
  signal: AbortSignal | undefined,
): Promise<BrokenPoint[]> {
  const { sizes, marked } = await listAll(repository, signal);
  const problemOf = (needs: Needs): string | undefined => {
    for (const [key, need] of needs) {
      const problem = unmet(key, need, sizes.get(key));
      if (problem !== undefined) return problem;
      if (marked.has(key)) return `${key} is marked as damaged`;
    }
    return undefined;
  };
  const pages = new Map<string, Promise<string | undefined>>();
  const ofPage = (of: Store, reference: PageReference): Promise<string | undefined> => {
    const name = `${reference.sha256} ${of.store} ${of.timeline} ${of.context}`;
    const known = pages.get(name) ?? problemOfPage(of, reference);
    pages.set(name, known);
    return known;
  };
  const problemOfPage = (of: Store, reference: PageReference): Promise<string | undefined> =>
    noted(async () => {
      const needs: Needs = new Map([[pageKey(reference.sha256), { least: 0 }]]);
      addFiles(needs, of, (await repository.page(reference)).files);
      return problemOf(needs);
    });
  const ofPoint = (id: RestorePointId): Promise<string | undefined> =>
    noted(async () => {
      const { contexts, ...manifest } = await readManifest(repository, id);
      const needs: Needs = new Map([
        [controlDbKeyOf(manifest), { least: 0, exact: manifest.controlDb.size }],
      ]);
      const references: { readonly of: Store; readonly reference: PageReference }[] = [];
      for (const { name, timeline, ...context } of contexts)
        for (const store of STORE_KINDS) {
          const of = { context: name, timeline, store };
          addFiles(needs, of, context[store].recent);
          addFiles(needs, of, context[store].open);
          references.push(...context[store].pages.map((reference) => ({ of, reference })));
        }
      let problem = problemOf(needs);
      for (const { of, reference } of references) problem ??= await ofPage(of, reference);
      return problem;
    });
  const problems = await mapConcurrent(ids, atOnce, signal, async (id) => ({
    id,
    problem: await ofPoint(id),
  }));
  return problems.flatMap(({ id, problem }) => (problem === undefined ? [] : [{ id, problem }]));
}

/** The decisions, and with them those that would be kept if there weren't the broken ones: these are kept in their place. Pure. */
export function keepInstead(decisions: readonly Decision[], withoutBroken: readonly Decision[]): Decision[] {
  const kept = new Set(withoutBroken.flatMap(({ id, reasons }) => (reasons.length > 0 ? [id] : [])));
  return decisions.map((decision) =>
    decision.reasons.length === 0 && kept.has(decision.id) ? { ...decision, reasons: ["instead"] } : decision,
  );
}

async function listAll(
  { sink }: Repository,
  signal: AbortSignal | undefined,
): Promise<{ readonly sizes: Map<ObjectKey, number>; readonly marked: Set<ObjectKey> }> {
  const sizes = new Map<ObjectKey, number>();
  const marked = new Set<ObjectKey>();
  for await (const { key, size } of sink.list("", options(signal))) {
    sizes.set(key, size);
    const kind = kindOfKey(key);
    if (kind.kind === "damage-mark") marked.add(kind.of);
  }
  return { sizes, marked };
}

async function noted(look: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await look();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return error.message;
  }
}
