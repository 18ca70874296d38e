import { createHash } from "node:crypto";
import { STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import { isSinkError, type ObjectKey, type Sink, type Source } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { storeFileKey } from "../repository/layout.js";
import type { ContextManifest, Manifest, OpenSegment } from "../repository/manifest.js";
import { withPieces } from "../repository/pieces.js";
import { options } from "../repository/read-optional.js";
import type { ExclusivePuts } from "./exclusive-puts.js";

/**
 * Puts the copies whole that go on in pieces, from what is on the sink: the server may not have these bytes any more, and a restore point needs no pieces.
 * @returns the manifest without them
 * @throws EngineError `damage` when a copy with its pieces isn't what was stored
 */
export async function joinPieces(
  manifest: Manifest,
  sink: Sink,
  exclusive: ExclusivePuts,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const contexts: ContextManifest[] = [];
  for (const context of manifest.contexts) {
    const stores = { snapshots: context.snapshots, events: context.events };
    for (const store of STORE_KINDS)
      stores[store] = { ...stores[store], open: await joined(context, store, sink, exclusive, signal) };
    contexts.push({ ...context, ...stores });
  }
  return { ...manifest, contexts };
}

async function joined(
  { name: context, timeline, ...stores }: ContextManifest,
  store: StoreKind,
  sink: Sink,
  exclusive: ExclusivePuts,
  signal: AbortSignal | undefined,
): Promise<OpenSegment[]> {
  const open: OpenSegment[] = [];
  for (const { pieces, ...segment } of stores[store].open) {
    if (pieces !== undefined)
      await putWhole(storeFileKey(context, timeline, store, segment.name), segment, sink, exclusive, signal);
    open.push(segment);
  }
  return open;
}

async function putWhole(
  key: ObjectKey,
  { validBytes: size, sha256 }: OpenSegment,
  sink: Sink,
  { replace }: ExclusivePuts,
  signal: AbortSignal | undefined,
): Promise<void> {
  const read: Source["open"] = (given) =>
    withPieces(sink).get(key, { ...options(given), range: { offset: 0, length: size } });
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of read(signal)) {
      bytes += chunk.byteLength;
      hash.update(chunk);
    }
  } catch (error) {
    if (!isSinkError(error, "not-found")) throw error;
  }
  if (bytes !== size || hash.digest("hex") !== sha256)
    throw new EngineError(
      "damage",
      `the copy of ${key}, with the pieces that it goes on in, is not the ${size} bytes that were stored`,
      "Run `axon-backup verify --read-data`.",
    );
  // What was read right is read again: one that changes in between makes a copy of which verification tells that it is wrong.
  await replace(key, { size, open: read }, { ...options(signal), kind: "open-segment" });
}
