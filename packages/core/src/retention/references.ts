import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { mapConcurrent } from "../concurrency.js";
import { EngineError } from "../errors.js";
import { objectOf } from "../repository/closed-object.js";
import { type FoundHead, headProblem } from "../repository/find-head.js";
import { controlDbKeyOf, HEAD_KEY, pageKey, restorePointKey, storeFileKey } from "../repository/layout.js";
import type { Checkpoint, ClosedFile, Manifest, OpenSegment, PageReference } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import { type RestorePointId, timeOf } from "../repository/restore-point-id.js";
import { piecesOf } from "../repository/pieces.js";
import { checkContextName, checkFileName } from "../restore/names.js";
import { addNeed, type Need, type Needs } from "./needs.js";
import type { RetainedPoint } from "./policy.js";

/** A document that can't be read, so that what it refers to isn't known. */
export interface Unreadable {
  readonly key: ObjectKey;
  /** What is wrong, as a sentence. */
  readonly problem: string;
}

/** Is read: its size says nothing more. */
const DOCUMENT: Need = { least: 0 };

/** Where a store's files are. */
export interface Store {
  readonly context: string;
  readonly timeline: number;
  readonly store: StoreKind;
}

/** What the rules need to know of each restore point; `undefined` of one that is gone meanwhile. Reads every manifest, and no page. */
export async function readPoints(
  repository: Repository,
  ids: readonly RestorePointId[],
  atOnce: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly points: RetainedPoint[]; readonly unreadable: Unreadable[] }> {
  const unreadable: Unreadable[] = [];
  const points = await mapConcurrent(ids, atOnce, signal, async (id): Promise<RetainedPoint | undefined> => {
    const manifest = await readOrNote(restorePointKey(id), unreadable, () => readManifest(repository, id));
    return manifest && pointOf(manifest);
  });
  return { points: points.filter((point) => point !== undefined), unreadable };
}

function pointOf({ id, started, contexts }: Manifest): RetainedPoint {
  const time = new Date(started);
  return {
    id,
    started: Number.isNaN(time.getTime()) ? timeOf(id) : time,
    lines: contexts.map(({ name, timeline, branch }) => ({
      context: name,
      timeline,
      ...(branch && { branch: { timeline: branch.timeline, begun: new Date(branch.begun) } }),
    })),
  };
}

/**
 * Every object that these restore points need, themselves included. Restore points share pages: each is read once.
 * @param needed what is found is added to it
 * @returns what can't be read: there may be more that is needed then
 */
export async function addReferences(
  needed: Needs,
  repository: Repository,
  ids: readonly RestorePointId[],
  atOnce: number,
  signal: AbortSignal | undefined,
): Promise<Unreadable[]> {
  const unreadable: Unreadable[] = [];
  const pages = new Map<string, { readonly of: Store; readonly reference: PageReference }>();
  await mapConcurrent(ids, atOnce, signal, async (id) => {
    await readOrNote(restorePointKey(id), unreadable, async () => {
      const manifest = await readManifest(repository, id);
      addNeed(needed, restorePointKey(id), DOCUMENT);
      addNeed(needed, controlDbKeyOf(manifest), { least: 0, exact: manifest.controlDb.size });
      for (const { name, timeline, ...context } of manifest.contexts)
        for (const store of STORE_KINDS) {
          const of = { context: name, timeline, store };
          addFiles(needed, of, context[store].recent);
          addFiles(needed, of, context[store].open);
          for (const reference of context[store].pages)
            pages.set(`${reference.sha256} ${store} ${timeline} ${name}`, { of, reference });
        }
    });
  });
  await mapConcurrent([...pages.values()], atOnce, signal, async ({ of, reference }) => {
    const key = pageKey(reference.sha256);
    addNeed(needed, key, DOCUMENT);
    await readOrNote(key, unreadable, async () => {
      addFiles(needed, of, (await repository.page(reference)).files);
    });
  });
  return unreadable;
}

/**
 * What a head needs that counts, beside all that its restore point needs, which stays.
 * @returns what is wrong with it: nobody knows what it needs then. Of one whose restore point can't be read, that one tells
 */
export async function addHead(needed: Needs, head: FoundHead): Promise<Unreadable[]> {
  const unreadable: Unreadable[] = [];
  const problem = headProblem(head);
  if (problem) unreadable.push({ key: HEAD_KEY, problem: problem.message });
  if (head.state === "current")
    await readOrNote(HEAD_KEY, unreadable, () => {
      for (const { name, timeline, ...context } of head.head.contexts)
        for (const store of STORE_KINDS)
          addFiles(needed, { context: name, timeline, store }, context[store].open);
      return Promise.resolve();
    });
  return unreadable;
}

/** What runs that were cut off have stored, and the next backup takes over. @returns false if a checkpoint can't be read: there may be more then */
export async function addUnfinished(wanted: Needs, repository: Repository): Promise<boolean> {
  let complete = true;
  for (const { checkpoint } of await repository.checkpoints()) complete &&= addCheckpoint(wanted, checkpoint);
  return complete;
}

function addCheckpoint(wanted: Needs, checkpoint: Checkpoint | undefined): boolean {
  try {
    for (const { files, ...of } of checkpoint?.stores ?? []) addFiles(wanted, of, files);
    return checkpoint !== undefined;
  } catch (error) {
    if (isUnreadable(error)) return false;
    throw error;
  }
}

/** @throws EngineError `damage` for names that no backup writes */
export function addFiles(
  needs: Needs,
  { context, timeline, store }: Store,
  files: readonly (ClosedFile | OpenSegment)[],
): void {
  checkContextName(context);
  for (const file of files) {
    checkFileName(file.name, store);
    if ("size" in file)
      addNeed(needs, storeFileKey(context, timeline, store, objectOf(file)), { least: 0, exact: file.size });
    else addCopy(needs, storeFileKey(context, timeline, store, file.name), file);
  }
}

/** A copy, and the pieces that it goes on in. */
function addCopy(needs: Needs, copy: ObjectKey, segment: OpenSegment): void {
  addNeed(needs, copy, { least: segment.pieces?.[0] ?? segment.validBytes });
  for (const { key, size } of piecesOf(copy, segment)) addNeed(needs, key, { least: size });
}

export async function readManifest(repository: Repository, id: RestorePointId): Promise<Manifest> {
  const manifest = await repository.manifest(id);
  if (manifest.repository === repository.info.id) return manifest;
  throw new EngineError(
    "damage",
    `${restorePointKey(id)} is of the repository ${manifest.repository}, and this is ${repository.info.id}: objects of two repositories have got into one place`,
    "Find out which of them belong here.",
  );
}

async function readOrNote<T>(
  key: ObjectKey,
  unreadable: Unreadable[],
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    unreadable.push({ key, problem: error.message });
    return undefined;
  }
}

/** Damage, a manifest that is gone, and names that make no key. */
export function isUnreadable(error: unknown): error is Error {
  if (error instanceof EngineError) return error.kind === "damage" || error.kind === "usage";
  return error instanceof RangeError;
}
