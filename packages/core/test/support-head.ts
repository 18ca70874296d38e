import {
  parseStoreFileName,
  SegmentScanner,
  STORE_KINDS,
  type StoreKind,
  type Token,
} from "@axon-backup/axon-server";
import { bytesSource, objectKey, type Sink } from "@axon-backup/sink";
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
import { type Files, sha256 } from "./support-restore.js";

/** The files of a store, or of both, whole, as the server has them. */
export type FilesOf = (context: string, store: StoreKind) => Files | Promise<Files>;

export interface HeadOptions {
  /** Makes the head's id, if that comes after the one before. */
  readonly now?: Date;
  /** Those of the newest restore point, if left out. */
  readonly contexts?: readonly string[];
  /** Changes the document before it is written. */
  readonly change?: (head: HeadManifest) => HeadManifest;
}

/**
 * Stores what came after the newest restore point, and the head, as the continuous mode does: what the segments have that the restore point doesn't call closed, up to their valid ends.
 * @returns the head as it was written
 */
export async function storeHead(
  sink: Sink,
  filesOf: FilesOf,
  { now = new Date(), contexts, change = (head) => head }: HeadOptions = {},
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
      stores[store] = await storeOpen(repository, context, store, await filesOf(context.name, store));
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
    await repository.sink.put(objectKey(`${folder}/${name}`), bytesSource(content));
    open.push({
      name,
      validBytes: content.byteLength,
      sha256: sha256(content),
      length: bytes.byteLength,
      nextToken: scan.nextToken,
      complete: scan.state === "closed",
    });
  }
  return { nextToken: open.at(-1)?.nextToken ?? (0 as Token), open };
}
