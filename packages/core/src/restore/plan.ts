import { isJumpSkipIndex, STORE_KINDS, type StoreKind, type Token } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { objectOf } from "../repository/closed-object.js";
import { headOf } from "../repository/head.js";
import { controlDbKey, storeFileKey } from "../repository/layout.js";
import type {
  ClosedFile,
  ContextManifest,
  Manifest,
  OpenSegment,
  StoreManifest,
} from "../repository/manifest.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { checkContextName, checkFileName } from "./names.js";

/** One store of a restore point, its pages read. */
export interface StoreContent {
  readonly manifest: StoreManifest;
  readonly closed: readonly ClosedFile[];
}

/** One context of a restore point. */
export interface ContextContent {
  readonly context: ContextManifest;
  readonly stores: Readonly<Record<StoreKind, StoreContent>>;
}

/** A file to fetch. */
export interface PlannedFile {
  readonly key: ObjectKey;
  /** Its name in the context's directory. */
  readonly name: string;
  readonly kind: "segment" | "index";
  /** Of the segment, or of the one that the index file belongs to. */
  readonly first: Token;
  readonly version: number;
  /** Whether the file is the object's beginning rather than all of it: the copy of an open segment may have grown since. */
  readonly prefix: boolean;
  /** How many bytes of the object to read. */
  readonly bytes: number;
  /** Of those bytes. */
  readonly sha256: string;
  /** The length that the file must have: zeros follow the content. */
  readonly length: number;
  /** Whether its events must be looked at while it is fetched. */
  readonly scan: boolean;
  /** The last token wanted: everything behind its transaction is cut off. */
  readonly cutAfter?: Token;
  /** What was wrong with it already when it was stored: a sentence that reads on after its name. */
  readonly problem?: string;
}

export interface StorePlan {
  /** Ascending by segment and version. */
  readonly files: readonly PlannedFile[];
  /** Of the whole restore point. */
  readonly nextToken: Token;
  /** Whether nothing can come after that: see `Head`. */
  readonly headExact: boolean;
}

export interface ContextPlan {
  readonly name: string;
  /** Set when the events are cut: the snapshots must follow. */
  readonly cutAfter?: Token;
  readonly stores: Readonly<Record<StoreKind, StorePlan>>;
}

export interface RestorePlan {
  readonly restorePoint: RestorePointId;
  readonly controlDb: {
    readonly key: ObjectKey;
    readonly name: string;
    readonly size: number;
    readonly sha256: string;
  };
  readonly contexts: readonly ContextPlan[];
  readonly objects: number;
  /** Bytes to read. */
  readonly bytes: number;
}

/**
 * What to fetch for a restore, and as what. Pure. Left out are:
 *
 * - jump skip indexes and global index files: a server would believe them (docs/axon-server.md, section 7)
 * - index files of segments that are open or cut: a server would take such a segment for a closed one, and refuse every append
 * - with `cutAfter`: segments behind the cut, and superseded versions of the segment that is cut
 *
 * Everything else is restored, superseded versions of closed segments too: a server serves the newest.
 * @param contexts those to restore; exactly one with `cutAfter`
 * @param cutAfter the last token wanted, which the restore point has
 * @throws EngineError `damage` when the manifest has names that can't be; `usage` when retention has removed the token
 */
export function planRestore(
  manifest: Manifest,
  contexts: readonly ContextContent[],
  cutAfter?: Token,
): RestorePlan {
  if (cutAfter !== undefined && contexts.length !== 1)
    throw new RangeError("a cut needs exactly one context");
  const controlDb = { ...manifest.controlDb, key: controlDbKey(manifest.id) };
  const plans = contexts.map((content) => planContext(content, cutAfter));
  const files = plans.flatMap(({ stores }) => STORE_KINDS.flatMap((store) => stores[store].files));
  return {
    restorePoint: manifest.id,
    controlDb,
    contexts: plans,
    objects: files.length + 1,
    bytes: files.reduce((sum, file) => sum + file.bytes, controlDb.size),
  };
}

function planContext({ context, stores }: ContextContent, cutAfter: Token | undefined): ContextPlan {
  checkContextName(context.name);
  const plan = (store: StoreKind, cut?: Token): StorePlan => ({
    files: planFiles(context, store, stores[store], cut, cutAfter !== undefined),
    nextToken: stores[store].manifest.nextToken,
    headExact: headOf(stores[store].manifest).exact,
  });
  return {
    name: context.name,
    ...(cutAfter !== undefined && { cutAfter }),
    stores: { snapshots: plan("snapshots"), events: plan("events", cutAfter) },
  };
}

type Candidate = Omit<PlannedFile, "scan" | "cutAfter">;

function planFiles(
  context: ContextManifest,
  store: StoreKind,
  { manifest, closed }: StoreContent,
  cutAfter: Token | undefined,
  scanAll: boolean,
): PlannedFile[] {
  const keyOf = (name: string): ObjectKey => storeFileKey(context.name, context.timeline, store, name);
  const open = manifest.open.flatMap((segment) => candidate(keyOf, store, segment));
  const files = [...closed.flatMap((file) => candidate(keyOf, store, file)), ...open].sort(byPosition);
  const newest = new Map<Token, Candidate>();
  for (const file of files) if (file.kind === "segment") newest.set(file.first, file);
  const cut = cutAfter === undefined ? undefined : findCut(context.name, [...newest.values()], cutAfter);
  const head = [...newest.values()].filter(({ first }) => first < manifest.nextToken).at(-1);
  const writable = new Set([...open.map(({ first }) => first), cut?.first]);

  const isWanted = (file: Candidate): boolean => {
    if (cut && file.first > cut.first) return false;
    if (file.kind === "index") return !writable.has(file.first);
    return cut?.first !== file.first || file === cut;
  };
  return files
    .filter(isWanted)
    .map((file) => ({
      ...file,
      scan: scanAll ? newest.get(file.first) === file : store === "events" && file === head,
      ...(file === cut && cutAfter !== undefined && { cutAfter }),
    }));
}

/** A file of the manifest as one to fetch; none if it is of a kind that is never restored. */
function candidate(
  keyOf: (name: string) => ObjectKey,
  store: StoreKind,
  file: ClosedFile | OpenSegment,
): Candidate[] {
  const name = checkFileName(file.name, store);
  if (name.kind === "global-index" || isJumpSkipIndex(name)) return [];
  const content =
    "size" in file
      ? {
          key: keyOf(objectOf(file)),
          bytes: file.size,
          length: file.size,
          prefix: false,
          ...(file.problem !== undefined && { problem: file.problem }),
        }
      : {
          key: keyOf(file.name),
          bytes: file.validBytes,
          length: Math.max(file.length, file.validBytes),
          prefix: true,
        };
  const { kind, segment: first, version } = name;
  return [{ name: file.name, kind, first, version, sha256: file.sha256, ...content }];
}

/** The segment that holds the token, in its newest version. */
function findCut(context: string, newest: readonly Candidate[], token: Token): Candidate {
  const cut = newest.filter(({ first }) => first <= token).at(-1);
  if (cut) return cut;
  throw new EngineError(
    "usage",
    `token ${token} of context ${context} is not in the restore point: the first one kept is ${newest[0]?.first ?? "none"}`,
    "The server's retention had removed older events when the backup was made. Choose a later token.",
  );
}

/** By segment, then version; index files behind their segment. */
function byPosition(a: Candidate, b: Candidate): number {
  return (
    a.first - b.first ||
    a.version - b.version ||
    Number(a.kind === "index") - Number(b.kind === "index") ||
    (a.name < b.name ? -1 : 1)
  );
}
