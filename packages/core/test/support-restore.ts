import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import {
  parseStoreFileName,
  type SegmentEvent,
  type SegmentScan,
  SegmentScanner,
  type StoreFileName,
  type StoreKind,
  type Token,
  type Transaction,
} from "@axon-backup/axon-server";
import {
  type ClosedFile,
  type ContextManifest,
  type Manifest,
  type OpenSegment,
  Repository,
  type RestorePointId,
  restorePointId,
  type StoreManifest,
} from "@axon-backup/core";
import { bytesSource, objectKey, type Sink } from "@axon-backup/sink";

/** Files of a store by name, whole as the server has them. */
export type Files = ReadonlyMap<string, Buffer>;

/** One context of a server at one moment. */
export interface ContextState {
  readonly name: string;
  readonly events: Files;
  readonly snapshots: Files;
}

/** What a server has at one moment, as a restore point records it. */
export interface ServerState {
  readonly contexts: readonly ContextState[];
  readonly controlDb: Buffer;
}

const FIXTURES = new URL("../../../test/fixtures/", import.meta.url);

export const GENERATIONS = ["4.4", "4.6", "2023.2"] as const;

/** A fixture's store; without the index files of 2 MiB unless `large`. */
export async function fixture(generation: string, store = "store", large = false): Promise<ServerState> {
  const root = new URL(`${generation}/`, FIXTURES);
  const directory = new URL(`${store}/default/`, root);
  const files: Record<StoreKind, Map<string, Buffer>> = { events: new Map(), snapshots: new Map() };
  for (const name of (await readdir(directory)).sort())
    for (const kind of ["events", "snapshots"] as const)
      if (parseStoreFileName(name, kind) && (large || !name.endsWith("index")))
        files[kind].set(name, await readFile(new URL(name, directory)));
  const zip = (await readdir(root)).find((name) => name.startsWith("controldb")) ?? "";
  return { contexts: [{ name: "default", ...files }], controlDb: await readFile(new URL(zip, root)) };
}

export interface SegmentContent {
  readonly scan: SegmentScan;
  readonly transactions: readonly (Transaction & { readonly events: readonly SegmentEvent[] })[];
}

/** Reads a segment whole. */
export function readSegment(first: Token, bytes: Uint8Array): SegmentContent {
  const transactions: (Transaction & { events: SegmentEvent[] })[] = [];
  const scanner = new SegmentScanner({
    segment: first,
    onEvents: (transaction, events) => transactions.push({ ...transaction, events: [...events] }),
  });
  scanner.push(bytes);
  return { scan: scanner.end(), transactions };
}

interface Segment extends SegmentContent {
  readonly name: Extract<StoreFileName, { kind: "segment" }>;
  readonly bytes: Buffer;
}

/** The segments that count: each in its newest version, ascending. */
export function newestSegments(store: StoreKind, files: Files): Segment[] {
  const newest = new Map<Token, Segment>();
  for (const [file, bytes] of files) {
    const name = parseStoreFileName(file, store);
    if (name?.kind !== "segment" || name.version < (newest.get(name.segment)?.name.version ?? 0)) continue;
    newest.set(name.segment, { name, bytes, ...readSegment(name.segment, bytes) });
  }
  return [...newest.values()].sort((a, b) => a.name.segment - b.name.segment);
}

/** The files without those of versions that a newer one has superseded: what a server serves, and a restore brings back. */
export function withoutSuperseded(store: StoreKind, files: Files): Files {
  const newest = new Map(newestSegments(store, files).map(({ name }) => [name.segment, name.version]));
  return new Map(
    [...files].filter(([file]) => {
      const name = parseStoreFileName(file, store);
      return name && "segment" in name && name.version === newest.get(name.segment);
    }),
  );
}

/** The files as they were when `token` had just been written: that segment open, cut behind its transaction; nothing after it, and no index files of it. */
export function filesAt(store: StoreKind, files: Files, token: number): Files {
  const segments = newestSegments(store, files);
  const last = segments.filter(({ name }) => name.segment <= token).at(-1);
  const earlier = new Map<string, Buffer>();
  for (const [file, bytes] of files) {
    const name = parseStoreFileName(file, store);
    if (name && "segment" in name && last && name.segment < last.name.segment) earlier.set(file, bytes);
  }
  const end = last?.transactions.filter(({ firstToken }) => firstToken <= token).at(-1)?.end ?? 5;
  if (last) earlier.set(last.name.name, cutBytes(last.bytes, end));
  return earlier;
}

/** The token after the transaction that holds `token`. */
export function afterTransaction(files: Files, token: number): number {
  for (const { transactions } of newestSegments("events", files))
    for (const { firstToken, count } of transactions)
      if (firstToken <= token && token < firstToken + count) return firstToken + count;
  throw new Error(`no transaction holds token ${token}`);
}

/** The first `end` bytes, zeros behind them. */
export function cutBytes(bytes: Buffer, end: number): Buffer {
  const cut = Buffer.alloc(bytes.byteLength);
  bytes.copy(cut, 0, 0, end);
  return cut;
}

/** A server's state when its events ended at one token and its snapshots at another. */
export function stateAt(state: ServerState, events: number, snapshots: number): ServerState {
  return {
    ...state,
    contexts: state.contexts.map((context) => ({
      name: context.name,
      events: filesAt("events", context.events, events),
      snapshots: filesAt("snapshots", context.snapshots, snapshots),
    })),
  };
}

/** The id of the nth restore point of a test. */
export function pointId(number: number): RestorePointId {
  return restorePointId(`20261124T0600${String(number).padStart(2, "0")}.000Z`);
}

/** Stores a state as a restore point, as a backup does: closed files once, open segments up to their valid bytes, the manifest last. */
export async function storeRestorePoint(
  sink: Sink,
  id: RestorePointId,
  state: ServerState,
  pageFiles = 5,
): Promise<Manifest> {
  const repository = await Repository.openOrCreate(sink, new Date(0));
  const contexts: ContextManifest[] = [];
  for (const { name, events, snapshots } of state.contexts)
    contexts.push({
      name,
      timeline: 0,
      snapshots: await storeStore(
        repository,
        { name, timeline: 0, store: "snapshots" },
        snapshots,
        pageFiles,
      ),
      events: await storeStore(repository, { name, timeline: 0, store: "events" }, events, pageFiles),
    });
  await sink.put(objectKey(`controldb/${id}.zip`), bytesSource(state.controlDb));
  const manifest: Manifest = {
    id,
    repository: repository.info.id,
    parent: null,
    started: new Date(0).toISOString(),
    finished: new Date(0).toISOString(),
    agent: "test",
    server: { name: "axonserver", version: "4.6.12", edition: "SE" },
    controlDb: {
      name: "controldb1795486546138.zip",
      size: state.controlDb.byteLength,
      sha256: sha256(state.controlDb),
    },
    contexts,
  };
  await repository.commit(manifest);
  return manifest;
}

/** Stores the files of one store under a timeline's keys, as a backup does, and says what a manifest says of them. */
export async function storeStore(
  repository: Repository,
  {
    name: context,
    timeline,
    store,
  }: { readonly name: string; readonly timeline: number; readonly store: StoreKind },
  files: Files,
  pageFiles: number,
): Promise<StoreManifest> {
  const last = newestSegments(store, files).at(-1);
  const closed: ClosedFile[] = [];
  const open: OpenSegment[] = [];
  for (const [name, bytes] of files) {
    const isOpen = last?.scan.state === "open" && name === last.name.name;
    const content = isOpen ? bytes.subarray(0, last.scan.validBytes) : bytes;
    const folder = `contexts/${context}${timeline > 0 ? `@${timeline}` : ""}/${store}`;
    await repository.sink.put(objectKey(`${folder}/${name}`), bytesSource(content));
    if (isOpen)
      open.push({
        name,
        validBytes: content.byteLength,
        sha256: sha256(content),
        length: bytes.byteLength,
        nextToken: last.scan.nextToken,
        complete: false,
      });
    else closed.push({ name, size: bytes.byteLength, sha256: sha256(bytes) });
  }
  const paged = closed.length - (closed.length % pageFiles);
  const pages = [];
  for (let at = 0; at < paged; at += pageFiles)
    pages.push(
      await repository.writePage({ context, timeline, store, files: closed.slice(at, at + pageFiles) }),
    );
  return {
    lastClosedSegment: null,
    lastVersion: 0,
    nextToken: last?.scan.nextToken ?? (0 as Token),
    pages,
    recent: closed.slice(paged),
    open,
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
