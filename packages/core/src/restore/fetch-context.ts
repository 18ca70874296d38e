import { mkdir } from "node:fs/promises";
import { STORE_KINDS, SegmentScanner, type StoreKind, type Token } from "@axon-backup/axon-server";
import type { Sink } from "@axon-backup/sink";
import type { LargeGate } from "../at-once.js";
import { mapConcurrent } from "../concurrency.js";
import { EngineError } from "../errors.js";
import type { Observer } from "../observer.js";
import { type CutPoint, EventTrail } from "./cut.js";
import { inside, onDisk, syncDirectory } from "./disk.js";
import { fetchFile } from "./fetch.js";
import type { ContextPlan, PlannedFile } from "./plan.js";
import { cutFile, cutSnapshots } from "./snapshots.js";

export interface FetchTools {
  readonly sink: Sink;
  /** The sink's name. */
  readonly name: string;
  readonly observer: Observer;
  /** Objects that are fetched side by side. */
  readonly concurrency: number;
  readonly large: LargeGate;
  readonly signal: AbortSignal | undefined;
}

/** One store as it now is in the target's tree. */
export interface FetchedStore {
  readonly files: readonly PlannedFile[];
  readonly nextToken: Token;
  /** Where a segment was cut, if one was. */
  readonly cut: (CutPoint & { readonly file: PlannedFile }) | undefined;
}

export interface FetchedContext {
  readonly name: string;
  readonly stores: Readonly<Record<StoreKind, FetchedStore>>;
  /** Milliseconds since 1970, of the last event. */
  readonly lastTimestamp: number | undefined;
}

/** Fetches one context into the tree: snapshots first, because they tell what must be known of the events if those are cut. */
export async function fetchContext(
  tools: FetchTools,
  tree: string,
  plan: ContextPlan,
): Promise<FetchedContext> {
  const directory = inside(tree, plan.name);
  await onDisk(`making ${directory}`, () => mkdir(directory, { mode: 0o700 }));
  const trail = new EventTrail();
  const cuts: Partial<Record<StoreKind, FetchedStore["cut"]>> = {};
  for (const store of STORE_KINDS) {
    const points = await mapConcurrent(
      plan.stores[store].files,
      tools.concurrency,
      tools.signal,
      (file, signal) =>
        tools.large.pass(file.bytes, () => fetchPlanned(tools, directory, file, store, trail, signal)),
    );
    cuts[store] = points.find((point) => point !== undefined);
  }
  const dropped =
    plan.cutAfter === undefined
      ? undefined
      : await cutSnapshots(directory, plan.stores.snapshots.files, trail, tools.signal);
  await onDisk(`completing ${directory}`, () => syncDirectory(directory));

  const store = (
    kind: StoreKind,
    cut: FetchedStore["cut"],
    files = plan.stores[kind].files,
  ): FetchedStore => ({ files, nextToken: cut?.nextToken ?? plan.stores[kind].nextToken, cut });
  return {
    name: plan.name,
    stores: { snapshots: store("snapshots", dropped, dropped?.kept), events: store("events", cuts.events) },
    lastTimestamp: trail.lastTimestamp,
  };
}

async function fetchPlanned(
  { sink, name, observer }: FetchTools,
  directory: string,
  file: PlannedFile,
  store: StoreKind,
  trail: EventTrail,
  signal: AbortSignal,
): Promise<FetchedStore["cut"]> {
  const reader = file.scan ? readSegment(file, store, trail) : undefined;
  let cut: FetchedStore["cut"];
  await fetchFile(sink, file, inside(directory, file.name), {
    signal,
    onChunk(chunk) {
      reader?.push(chunk);
      observer({ kind: "bytes", sink: name, bytes: chunk.byteLength });
    },
    async finish(handle) {
      const point = reader?.end();
      cut = point && { ...point, file };
      if (point) await cutFile(handle, point.offset, file.length);
      else if (file.length > file.bytes) await handle.truncate(file.length);
    },
  });
  observer({ kind: "object", sink: name, key: file.key, bytes: file.bytes, what: cut ? "cut" : "restored" });
  return cut;
}

/** Reads a segment as its bytes come, and finds where it is to be cut. */
function readSegment(
  file: PlannedFile,
  store: StoreKind,
  trail: EventTrail,
): { push(chunk: Uint8Array): void; end(): CutPoint | undefined } {
  const { cutAfter = Infinity } = file;
  let point: CutPoint | undefined;
  const scanner = new SegmentScanner({
    segment: file.first,
    onTransaction({ firstToken, count, end }) {
      if (firstToken <= cutAfter) point = { offset: end, nextToken: (firstToken + count) as Token };
    },
    onEvents({ firstToken }, events) {
      if (store === "snapshots") trail.addSnapshots(events);
      else if (firstToken <= cutAfter) trail.addEvents(events);
    },
  });
  return {
    push: (chunk) => {
      scanner.push(chunk);
    },
    end() {
      const scan = scanner.end();
      if (store === "events") trail.endSegment(scan);
      if (file.cutAfter === undefined) return undefined;
      if (point !== undefined && point.nextToken > cutAfter) return point;
      const why =
        scan.state === "torn" ? scan.reason : `its format version, ${scan.formatVersion}, is not known`;
      throw new EngineError(
        "failed",
        `${file.key} can't be cut after token ${file.cutAfter}: ${why}`,
        "Restore the whole restore point, without a token, or choose an earlier token.",
      );
    },
  };
}
