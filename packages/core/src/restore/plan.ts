import { isJumpSkipIndex, STORE_KINDS, type StoreKind, type Token } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { objectOf } from "../repository/closed-object.js";
import { headOf } from "../repository/head.js";
import { controlDbKeyOf, storeFileKey } from "../repository/layout.js";
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
  /** Whether it is a segment in the version that a server serves: what it holds counts. */
  readonly scan: boolean;
  /** Transactions that begin at this token or later are cut off. */
  readonly cutBefore?: Token;
  /** What was wrong with it already when it was stored: a sentence that reads on after its name. */
  readonly problem?: string;
}

export interface StorePlan {
  /** Ascending by segment and version. */
  readonly files: readonly PlannedFile[];
  /** The segment that holds the last event wanted; undefined in an empty store. */
  readonly head: PlannedFile | undefined;
  /** Of the whole restore point. */
  readonly nextToken: Token;
  /** Whether nothing can come after that: see `Head`. */
  readonly headExact: boolean;
}

export interface ContextPlan {
  readonly name: string;
  /** Set when the events are cut. */
  readonly cutBefore?: Token;
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
 * - versions of segments that a transformation has superseded, which older repositories have: a server serves the newest one alone (docs/axon-server.md, section 4), and what was deleted from
 *   it is not to come back
 * - with a cut: segments behind it
 *
 * @param cuts for contexts whose events are cut: the first token that isn't wanted, with the rest of its transaction. That of the first event there is leaves an empty store.
 * @throws EngineError `damage` when the manifest has names that can't be; `usage` when retention has removed what a cut needs
 */
export function planRestore(
  manifest: Manifest,
  contexts: readonly ContextContent[],
  cuts: ReadonlyMap<string, Token> = new Map(),
): RestorePlan {
  const controlDb = { ...manifest.controlDb, key: controlDbKeyOf(manifest) };
  const plans = contexts.map((content) => planContext(content, cuts.get(content.context.name)));
  const files = plans.flatMap(({ stores }) => STORE_KINDS.flatMap((store) => stores[store].files));
  return {
    restorePoint: manifest.id,
    controlDb,
    contexts: plans,
    objects: files.length + 1,
    bytes: files.reduce((sum, file) => sum + file.bytes, controlDb.size),
  };
}

function planContext({ context, stores }: ContextContent, cutBefore: Token | undefined): ContextPlan {
  checkContextName(context.name);
  const plan = (store: StoreKind, cut?: Token): StorePlan => ({
    ...planFiles(context, store, stores[store], cut),
    nextToken: stores[store].manifest.nextToken,
    headExact: headOf(stores[store].manifest).exact,
  });
  return {
    name: context.name,
    ...(cutBefore !== undefined && { cutBefore }),
    stores: { snapshots: plan("snapshots"), events: plan("events", cutBefore) },
  };
}

/**
 * The segments of a store as a server serves them: each in its newest version, ascending.
 * @throws EngineError `damage`
 */
export function newestSegments(
  context: ContextManifest,
  store: StoreKind,
  content: StoreContent,
): Candidate[] {
  return newestOf(candidates(context, store, content));
}

/** A file of a restore point, and how to read it. */
export type Candidate = Omit<PlannedFile, "scan" | "cutBefore">;

function planFiles(
  context: ContextManifest,
  store: StoreKind,
  content: StoreContent,
  cutBefore: Token | undefined,
): Pick<StorePlan, "files" | "head"> {
  const files = candidates(context, store, content);
  const newest = newestOf(files);
  const cut = cutBefore === undefined ? undefined : findCut(context.name, newest, cutBefore);
  const writable = new Set(files.filter(({ prefix }) => prefix).map(({ first }) => first));
  if (cut) writable.add(cut.first);
  const versions = new Map(newest.map(({ first, version }) => [first, version]));
  const isWanted = ({ kind, first, version }: Candidate): boolean => {
    if (cut && first > cut.first) return false;
    if (version !== (versions.get(first) ?? version)) return false;
    return kind === "segment" || !writable.has(first);
  };
  const served = new Set(newest);
  const planned = files
    .filter(isWanted)
    .map((file) => ({
      scan: served.has(file),
      ...file,
      ...(file === cut && cutBefore !== undefined && { cutBefore }),
    }));
  const last = planned.filter(({ scan, first }) => scan && first < content.manifest.nextToken).at(-1);
  return { files: planned, head: last };
}

/** What there is of a store to restore, by position. */
function candidates(
  context: ContextManifest,
  store: StoreKind,
  { manifest, closed }: StoreContent,
): Candidate[] {
  const keyOf = (name: string): ObjectKey => storeFileKey(context.name, context.timeline, store, name);
  return [...closed, ...manifest.open].flatMap((file) => candidate(keyOf, store, file)).sort(byPosition);
}

function newestOf(files: readonly Candidate[]): Candidate[] {
  const newest = new Map<Token, Candidate>();
  for (const file of files) if (file.kind === "segment") newest.set(file.first, file);
  return [...newest.values()];
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

/** The segment that holds the last token wanted, or is the first one, of which nothing is: in its newest version. */
function findCut(context: string, newest: readonly Candidate[], cutBefore: Token): Candidate {
  const cut = newest
    .filter(({ first }, index) => first < cutBefore || (index === 0 && first === cutBefore))
    .at(-1);
  if (cut) return cut;
  throw retentionRemoved(context, (cutBefore - 1) as Token, newest);
}

/** Says that a token was there once, and what still is. */
export function retentionRemoved(context: string, token: Token, newest: readonly Candidate[]): EngineError {
  return new EngineError(
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
