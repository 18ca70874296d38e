import {
  AxonServerError,
  scanSegment,
  type SegmentName,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
  STORE_KINDS,
  type StoreKind,
  type StoreListing,
} from "@axon-backup/axon-server";
import type { OpenSegment } from "../repository/manifest.js";
import { withHandle } from "../with-handle.js";
import { checkContinuity, cursorFor } from "./divergence.js";
import { longName } from "./long-name.js";
import type { CapturedContext, CapturedOpen, CapturedStore, StoreState } from "./model.js";
import { type Comparison, requireSameHistory } from "./same-history.js";

/** A listed file may be gone by the time it is opened (tiering, retention): how often a listing is taken anew. */
const LISTINGS = 3;

/**
 * Fixes what a restore point will hold of a context: lists both stores and finds the end of each open segment, the snapshots before the
 * events, so that no snapshot is of a state that the events don't have. Reads, and changes nothing.
 * @throws Diverged when the server's history isn't the one that `previous` was taken from; AxonServerError `unexpected` when the server contradicts itself
 */
export async function captureContext(
  source: ServerSource,
  context: string,
  previous: Readonly<Record<StoreKind, StoreState>>,
  signal?: AbortSignal,
): Promise<CapturedContext> {
  const captured: Partial<Record<StoreKind, CapturedStore>> = {};
  for (const store of STORE_KINDS)
    captured[store] = await captureStore(source, context, store, previous[store], signal);
  return captured as CapturedContext;
}

async function captureStore(
  source: ServerSource,
  context: string,
  store: StoreKind,
  previous: StoreState,
  signal?: AbortSignal,
): Promise<CapturedStore> {
  for (let attempt = 1; ; attempt++) {
    const listing = await source.list(context, store, cursorFor(previous), signal);
    try {
      const comparison = await requireSameHistory(source, listing, previous, signal);
      return await fixEnds(source, listing, previous, comparison, signal);
    } catch (error) {
      const vanished = error instanceof AxonServerError && error.kind === "vanished";
      if (!vanished || attempt === LISTINGS) throw error;
    }
  }
}

async function fixEnds(
  source: ServerSource,
  listing: StoreListing,
  previous: StoreState,
  comparison: Comparison,
  signal?: AbortSignal,
): Promise<CapturedStore> {
  const warnings = [...comparison.warnings];
  const open: CapturedOpen[] = [];
  for (const file of listing.open) {
    const recorded = previous.open.find(({ name }) => longName(name) === longName(file.name.name));
    const state = await withHandle(source, file, (handle) =>
      fixEnd(handle, file, recorded, warnings, signal),
    );
    open.push({ file, state, previous: recorded });
  }
  checkContinuity(listing, open);
  return { listing, open, compared: comparison.compared, warnings };
}

/** Finds the end of a segment that the server may be writing. */
export async function fixEnd(
  handle: SourceHandle,
  file: SourceFile<SegmentName>,
  recorded: OpenSegment | undefined,
  warnings: string[],
  signal?: AbortSignal,
): Promise<CapturedOpen["state"]> {
  const { name, segment } = file.name;
  if (recorded?.complete === true)
    return {
      name,
      validBytes: recorded.validBytes,
      length: handle.size,
      nextToken: recorded.nextToken,
      complete: true,
    };
  const scan = await scanSegment(handle, {
    segment,
    ...(recorded && { from: { offset: recorded.validBytes, token: recorded.nextToken } }),
    ...(signal && { signal }),
  });
  if (scan.state === "torn")
    warnings.push(
      `${file.path}: ${scan.reason}; taken up to the last complete transaction, at byte ${scan.validBytes}`,
    );
  if (scan.state === "foreign")
    warnings.push(
      `${file.path}: segments of format version ${scan.formatVersion} are not known; taken as they are, unchecked`,
    );
  return {
    name,
    validBytes: scan.state === "foreign" ? await contentEnd(handle) : scan.validBytes,
    length: handle.size,
    nextToken: scan.nextToken,
    ...(scan.state === "foreign" && { unknownFormat: scan.formatVersion }),
    complete: scan.state === "closed",
  };
}

/** The end of what isn't zeros: as far as a segment of an unknown format can be told from its pre-allocated rest. */
async function contentEnd(handle: SourceHandle): Promise<number> {
  const buffer = Buffer.alloc(1024 * 1024);
  for (let end = handle.size; end > 0; end -= Math.min(end, buffer.byteLength)) {
    const start = Math.max(0, end - buffer.byteLength);
    const count = await handle.read(buffer.subarray(0, end - start), start);
    for (let index = count; index > 0; index--) if (buffer[index - 1] !== 0) return start + index;
  }
  return 0;
}
