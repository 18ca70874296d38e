import { mkdir } from "node:fs/promises";
import type { StoreKind, Token } from "@axon-backup/axon-server";
import type { LargeGate } from "../at-once.js";
import { mapConcurrent } from "../concurrency.js";
import type { Observer } from "../observer.js";
import { type CutPoint, EventTrail, type LaterEvents } from "./cut.js";
import { inside, onDisk, syncDirectory } from "./disk.js";
import type { ObjectTools } from "./fetch-object.js";
import { obtain } from "./obtain.js";
import type { ContextPlan, PlannedFile } from "./plan.js";
import { readerOf, type SegmentReader } from "./segment-reader.js";
import { cutFile, cutSnapshots } from "./snapshots.js";

export interface FetchTools extends ObjectTools {
  /** The name of the sink that serves. */
  readonly name: string;
  readonly observer: Observer;
  /** Objects that are fetched side by side. */
  readonly concurrency: number;
  readonly large: LargeGate;
  readonly signal: AbortSignal | undefined;
  /** Where a context's file may be on the disk already. */
  readonly present: (context: string, file: string) => readonly string[];
  /** Told of each file that is whole in the tree; `kept` if it was there already. */
  readonly onWhole: (file: PlannedFile, kept: boolean) => void;
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
  /** Events that are later than the time asked for, and stay; undefined for none. */
  readonly later: LaterEvents | undefined;
  /** False when it can't be told whether a snapshot is of a state later than the events: they, or the snapshots, can't be read. */
  readonly snapshotsChecked: boolean;
  /** How many snapshots stay although that can't be told of them alone. */
  readonly doubtfulSnapshots: number;
}

/**
 * Fetches one context into the tree: snapshots first, because they tell what must be known of the events. Then the events, newest first, looked at as they stream by as long as
 * something isn't known yet; so nothing is read twice, and where every aggregate with a snapshot has newer events, little is looked at.
 * @param time the time asked for, in milliseconds since 1970
 */
export async function fetchContext(
  tools: FetchTools,
  tree: string,
  plan: ContextPlan,
  time?: number,
): Promise<FetchedContext> {
  const directory = inside(tree, plan.name);
  await onDisk(`making ${directory}`, () => mkdir(directory, { mode: 0o700, recursive: true }));
  const { snapshots, events } = plan.stores;
  const isCut = plan.cutBefore !== undefined;
  const trail = new EventTrail({
    isCut,
    isShortened: (events.files[0]?.first ?? 0) > 0,
    ...(time !== undefined && { time }),
  });
  const fetchAll = async (store: StoreKind, files: readonly PlannedFile[]): Promise<FetchedStore["cut"]> => {
    const points = await mapConcurrent(files, tools.concurrency, tools.signal, (file, signal) =>
      tools.large.pass(file.bytes, () =>
        fetchPlanned(
          tools,
          inside(directory, file.name),
          plan.name,
          file,
          readerOf(file, store, plan, trail),
          signal,
        ),
      ),
    );
    return points.find((point) => point !== undefined);
  };
  await fetchAll("snapshots", snapshots.files);
  const cut = await fetchAll("events", events.files.toReversed());
  const mustLook = isCut || trail.uncutSnapshots === "look";
  const dropped = mustLook ? await cutSnapshots(directory, snapshots.files, trail, tools.signal) : undefined;
  await onDisk(`completing ${directory}`, () => syncDirectory(directory));
  return {
    name: plan.name,
    stores: {
      snapshots: {
        files: dropped?.kept ?? snapshots.files,
        nextToken: dropped?.nextToken ?? snapshots.nextToken,
        cut: dropped,
      },
      events: { files: events.files, nextToken: cut?.nextToken ?? events.nextToken, cut },
    },
    lastTimestamp: trail.lastTimestamp,
    later: trail.later,
    snapshotsChecked: mustLook || trail.uncutSnapshots === "fine",
    doubtfulSnapshots: trail.doubtful,
  };
}

async function fetchPlanned(
  tools: FetchTools,
  path: string,
  context: string,
  file: PlannedFile,
  reader: SegmentReader | undefined,
  signal: AbortSignal,
): Promise<FetchedStore["cut"]> {
  let cut: FetchedStore["cut"];
  const kept = await obtain(tools, file, path, tools.present(context, file.name), {
    signal,
    ...(reader && {
      onChunk: (chunk: Uint8Array) => {
        reader.push(chunk);
      },
    }),
    async finish(handle) {
      const point = reader?.end();
      cut = point && { ...point, file };
      if (handle === undefined) return;
      if (point) await cutFile(handle, point.offset, file.length);
      else if (file.length > file.bytes) await handle.truncate(file.length);
    },
  });
  tools.onWhole(file, kept);
  const what = cut ? "cut" : kept ? "kept" : "restored";
  tools.observer({ kind: "object", sink: tools.name, key: file.key, bytes: file.bytes, what });
  return cut;
}
