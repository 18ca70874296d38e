import {
  parseStoreFileName,
  SegmentScanner,
  STORE_KINDS,
  type StoreKind,
  type Token,
} from "@axon-backup/axon-server";
import { bytesSource, type ObjectKey, objectKey, type Sink } from "@axon-backup/sink";
import {
  type ContextManifest,
  type HeadContext,
  type HeadManifest,
  type HeadStore,
  nextRestorePointId,
  type OpenSegment,
  Repository,
  type RestorePointId,
} from "../dist/index.js";
import { pieceKey } from "../dist/repository/pieces.js";
import { type Files, sha256 } from "./support-restore.js";

/** The files of a store, or of both, whole, as the server has them. */
export type FilesOf = (context: string, store: StoreKind) => Files | Promise<Files>;

export interface HeadOptions {
  /** Makes the head's id, if that comes after the one before. */
  readonly now?: Date;
  /** Those of the newest restore point, if left out. */
  readonly contexts?: readonly string[];
  /** Bytes: what the restore point doesn't have of a copy is stored in pieces of as many. Left out: it is stored whole. */
  readonly pieceBytes?: number;
  /** Changes the document before it is written. */
  readonly change?: (head: HeadManifest) => HeadManifest;
}

/** A suite of what holds for heads whose copies are whole, and for those whose copies go on in pieces. */
export function describeHeads(title: string, suite: (pieceBytes: number) => void): void {
  describe(title, () => {
    suite(Infinity);
  });
  describe(`${title}, of which copies go on in pieces`, () => {
    suite(50);
  });
}

/**
 * Stores what came after the newest restore point, and the head, as the continuous mode does: what the segments have that the restore point doesn't call closed, up to their valid ends.
 * @returns the head as it was written
 */
export async function storeHead(
  sink: Sink,
  filesOf: FilesOf,
  { now = new Date(), contexts, pieceBytes = Infinity, change = (head) => head }: HeadOptions = {},
): Promise<HeadManifest> {
  const repository = await Repository.open(sink);
  const newest = (await repository?.restorePoints())?.at(-1);
  if (repository === undefined || newest === undefined) throw new Error("there is no restore point");
  const base = await repository.manifest(newest);
  const ahead: HeadContext[] = [];
  for (const context of base.contexts) {
    if (contexts?.includes(context.name) === false) continue;
    const stores = {} as Record<StoreKind, HeadStore>;
    for (const store of STORE_KINDS)
      stores[store] = await storeOpen(
        repository,
        context,
        store,
        await filesOf(context.name, store),
        pieceBytes,
      );
    ahead.push({ name: context.name, timeline: context.timeline, ...stores });
  }
  const head = change({
    id: nextRestorePointId(now, await lastId(repository, newest)),
    repository: base.repository,
    restorePoint: base.id,
    started: now.toISOString(),
    finished: now.toISOString(),
    agent: "test",
    server: base.server,
    contexts: ahead,
  });
  await repository.writeHead(head);
  return head;
}

/** After the restore point, and after the head that is replaced. */
async function lastId(repository: Repository, newest: RestorePointId): Promise<RestorePointId> {
  const id = (await repository.head())?.id;
  return id !== undefined && id > newest ? id : newest;
}

async function storeOpen(
  repository: Repository,
  { name: context, timeline, ...stores }: ContextManifest,
  store: StoreKind,
  files: Files,
  pieceBytes: number,
): Promise<HeadStore> {
  const closed = new Set((await repository.closedFiles(stores[store])).map(({ name }) => name));
  const open: OpenSegment[] = [];
  for (const [name, bytes] of [...files].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const parsed = parseStoreFileName(name, store);
    if (parsed?.kind !== "segment" || closed.has(name)) continue;
    const scanner = new SegmentScanner({ segment: parsed.segment });
    scanner.push(bytes);
    const scan = scanner.end();
    const content = bytes.subarray(0, scan.validBytes);
    const folder = `contexts/${context}${timeline > 0 ? `@${timeline}` : ""}/${store}`;
    const recorded = stores[store].open.find((other) => other.name === name)?.validBytes ?? 0;
    const key = objectKey(`${folder}/${name}`);
    const pieces = await storeInPieces(repository.sink, key, content, recorded || pieceBytes, pieceBytes);
    open.push({
      name,
      validBytes: content.byteLength,
      sha256: sha256(content),
      length: bytes.byteLength,
      nextToken: scan.nextToken,
      complete: scan.state === "closed",
      ...(pieces.length > 0 && { pieces }),
    });
  }
  return { nextToken: open.at(-1)?.nextToken ?? (0 as Token), open };
}

/** @returns where the pieces begin */
async function storeInPieces(
  sink: Sink,
  key: ObjectKey,
  content: Uint8Array,
  recorded: number,
  pieceBytes: number,
): Promise<number[]> {
  const first = pieceBytes === Infinity ? content.byteLength : recorded;
  await sink.put(key, bytesSource(content.subarray(0, first)));
  const pieces: number[] = [];
  for (let at = first; at < content.byteLength; at += pieceBytes) {
    pieces.push(at);
    await sink.put(pieceKey(key, at), bytesSource(content.subarray(at, at + pieceBytes)));
  }
  return pieces;
}
