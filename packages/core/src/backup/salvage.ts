import { createHash } from "node:crypto";
import { SegmentScanner, STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import { isSinkError, type ObjectKey, type Sink, type Source } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { storeFileKey } from "../repository/layout.js";
import type { ContextManifest, Manifest, OpenSegment, StoreManifest } from "../repository/manifest.js";
import { withPieces } from "../repository/pieces.js";
import { options } from "../repository/read-optional.js";
import type { ExclusivePuts } from "./exclusive-puts.js";
import { segmentOf } from "./store-files.js";

export interface SalvageTools {
  readonly sink: Sink;
  readonly exclusive: ExclusivePuts;
  /** Bytes of a copy, by a listing; undefined when there is none. */
  readonly sizeOf: (context: string, store: StoreKind, name: string) => number | undefined;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * What of a head can be a restore point: everything, if its copies are whole. Those that go on in pieces are put whole, from what is on the sink: the server may not have these bytes any more. Where a copy
 * is damaged, its store ends with the last transaction before that.
 * @param base the restore point that the head goes on from
 * @throws EngineError `damage` when a copy doesn't even have what that one needs
 */
export async function salvage(head: Manifest, base: Manifest, tools: SalvageTools): Promise<Manifest> {
  const contexts: ContextManifest[] = [];
  for (const context of head.contexts) {
    const before = base.contexts.find(({ name }) => name === context.name);
    const stores = { snapshots: context.snapshots, events: context.events };
    for (const store of STORE_KINDS)
      stores[store] = await salvageStore(context, store, before?.[store].open ?? [], tools);
    contexts.push({ ...context, ...stores });
  }
  return { ...head, contexts };
}

async function salvageStore(
  { name: context, timeline, ...stores }: ContextManifest,
  store: StoreKind,
  before: readonly OpenSegment[],
  tools: SalvageTools,
): Promise<StoreManifest> {
  const manifest = stores[store];
  const open: OpenSegment[] = [];
  for (const { pieces, ...segment } of manifest.open) {
    const key = storeFileKey(context, timeline, store, segment.name);
    const size = tools.sizeOf(context, store, segment.name) ?? 0;
    const isWhole = pieces === undefined && size >= segment.validBytes;
    const found = isWhole ? segment : await readCopy(key, segment, tools);
    const least = before.find(({ name }) => name === segment.name)?.validBytes ?? 0;
    if (found.validBytes < least) throw tooShort(key, found.validBytes, least);
    if (found.validBytes > 0) open.push(found);
    if (pieces !== undefined && found.validBytes > size) await putWhole(key, found, tools);
    if (found.sha256 === segment.sha256) continue;
    tools.warn(
      `${key} is damaged behind byte ${found.validBytes}, of ${segment.validBytes} that were stored; what came after token ${found.nextToken - 1} is lost on this sink`,
    );
    return { ...manifest, nextToken: found.nextToken, open };
  }
  return { ...manifest, open };
}

/** The copy as it was stored; or, if it isn't that any more, up to the last transaction that can be read. */
async function readCopy(key: ObjectKey, segment: OpenSegment, tools: SalvageTools): Promise<OpenSegment> {
  const scanner = new SegmentScanner({ segment: segmentOf(segment.name), fileLength: segment.length });
  const { bytes, sha256 } = await read(key, segment.validBytes, tools, (chunk) => {
    scanner.push(chunk);
  });
  if (bytes === segment.validBytes && sha256 === segment.sha256) return segment;
  const { validBytes, nextToken, state } = scanner.end();
  const found = { ...segment, validBytes, nextToken, complete: state === "closed" };
  return { ...found, sha256: (await read(key, validBytes, tools)).sha256 };
}

async function read(
  key: ObjectKey,
  length: number,
  { sink, signal }: SalvageTools,
  onChunk?: (chunk: Uint8Array) => void,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    if (length > 0)
      for await (const chunk of beginningOf(sink, key, length, signal)) {
        bytes += chunk.byteLength;
        hash.update(chunk);
        onChunk?.(chunk);
      }
  } catch (error) {
    if (!isSinkError(error, "not-found")) throw error;
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** What was read right is read again: one that changes in between makes a copy of which verification tells that it is wrong. */
async function putWhole(
  key: ObjectKey,
  { validBytes: size }: OpenSegment,
  { sink, exclusive, signal }: SalvageTools,
): Promise<void> {
  const open: Source["open"] = (given) => beginningOf(sink, key, size, given);
  await exclusive.replace(key, { size, open }, { ...options(signal), kind: "open-segment" });
}

function beginningOf(
  sink: Sink,
  key: ObjectKey,
  length: number,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  return withPieces(sink).get(key, { ...options(signal), range: { offset: 0, length } });
}

function tooShort(key: ObjectKey, bytes: number, least: number): EngineError {
  return new EngineError(
    "damage",
    `${key} can be read up to byte ${bytes} alone, and the newest restore point needs ${least}`,
    "Run `axon-backup verify --read-data`.",
  );
}
