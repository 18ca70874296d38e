import { EngineError } from "../errors.js";
import { headAsManifest, type HeadManifest } from "./head-manifest.js";
import { HEAD_KEY } from "./layout.js";
import type { Manifest } from "./manifest.js";
import { isRestorePointId, type RestorePointId } from "./restore-point-id.js";

/** What `head.json` is worth. */
export type FoundHead =
  | { readonly state: "none" }
  /** It goes on from a restore point that isn't the newest one: nothing needs it any more. */
  | { readonly state: "stale"; readonly head: HeadManifest }
  /** It counts: `manifest` is what a restore point would say that was made at that moment, `base` the one that it goes on from. */
  | {
      readonly state: "current";
      readonly head: HeadManifest;
      readonly base: Manifest;
      readonly manifest: Manifest;
    }
  /** It, or the newest restore point, which it goes on from, can't be read or isn't what it should be: nobody knows what it would need. */
  | { readonly state: "unreadable"; readonly isBase: boolean; readonly error: EngineError };

/** What the head is found with. */
export interface HeadReader {
  /** @throws EngineError `damage` */
  readHead(): Promise<HeadManifest | undefined>;
  /** Oldest first. */
  restorePoints(): Promise<readonly RestorePointId[]>;
  /** @throws EngineError */
  manifest(id: RestorePointId): Promise<Manifest>;
}

/** The head and the restore points that there are, as one: a head that is found to count does so with these. */
export interface Commits {
  /** Oldest first. Without the head. */
  readonly restorePoints: readonly RestorePointId[];
  readonly head: FoundHead;
}

/** Which restore point somebody asks for: by its id, which may be the head's; the newest one, which is the head if there is one that counts; or the head alone. */
export type RestorePointChoice = RestorePointId | "latest" | "head";

/**
 * Finds out whether there is a head that counts. It is read before the restore points are listed: one that is committed in between makes it stale, which is true; the other way round, a head that
 * goes on from that one would look stale.
 */
export async function findCommits(reader: HeadReader): Promise<Commits> {
  let head: HeadManifest | undefined;
  try {
    head = await reader.readHead();
  } catch (error) {
    if (!isDamage(error)) throw error;
    return {
      restorePoints: await reader.restorePoints(),
      head: { state: "unreadable", isBase: false, error },
    };
  }
  const restorePoints = await reader.restorePoints();
  return { restorePoints, head: head ? await judge(reader, head, restorePoints) : { state: "none" } };
}

async function judge(
  reader: HeadReader,
  head: HeadManifest,
  restorePoints: readonly RestorePointId[],
): Promise<FoundHead> {
  const newest = restorePoints.at(-1);
  if (newest === undefined || head.restorePoint !== newest) return { state: "stale", head };
  let base: Manifest;
  try {
    base = await reader.manifest(newest);
  } catch (error) {
    if (isDamage(error)) return { state: "unreadable", isBase: true, error };
    // Removed by hand since it was listed.
    if (error instanceof EngineError && error.kind === "usage") return { state: "stale", head };
    throw error;
  }
  const follows = isRestorePointId(head.id) && head.id > newest;
  const manifest = follows ? headAsManifest(head, base) : undefined;
  return manifest
    ? { state: "current", head, base, manifest }
    : { state: "unreadable", isBase: false, error: foreign(newest) };
}

/** The id that is asked for, if there is one. An id that isn't there may still be of a head that another one has replaced. */
export function idOfChoice(
  { restorePoints, head }: Commits,
  choice: RestorePointChoice,
): RestorePointId | undefined {
  const headId = head.state === "current" ? head.manifest.id : undefined;
  if (choice === "head") return headId;
  if (choice === "latest") return headId ?? restorePoints.at(-1);
  return choice === headId || restorePoints.includes(choice) ? choice : undefined;
}

/** Whether a head can't be read itself: of one whose restore point can't, that one tells. */
export function headProblem(head: FoundHead): EngineError | undefined {
  return head.state === "unreadable" && !head.isBase ? head.error : undefined;
}

function foreign(newest: RestorePointId): EngineError {
  return new EngineError(
    "damage",
    `${HEAD_KEY} doesn't fit restore point ${newest}, which it says that it goes on from`,
    "Somebody else has written to this repository, or has copied it. The next backup removes it.",
  );
}

function isDamage(error: unknown): error is EngineError {
  return error instanceof EngineError && error.kind === "damage";
}
