/** The two stores of a context, each with segments and tokens of its own. */
export type Store = "events" | "snapshots";

export const STORES: readonly Store[] = ["events", "snapshots"];

/** The extensions of the two index files that a closed segment has, in the order in which 4.4 and 4.6 list them. */
export const INDEX_EXTENSIONS: Readonly<Record<Store, readonly [index: string, bloom: string]>> = {
  events: ["index", "bloom"],
  snapshots: ["sindex", "sbloom"],
};

/** One version of one segment. */
export interface SegmentId {
  /** The token of its first event. */
  readonly segment: number;
  /** 0, or the number of the transformation that wrote it (2023.x). */
  readonly version: number;
}

const SEGMENT_FILE = /^(\d{20})(?:_(\d{5}))?\.(events|snapshots)$/;

/** The name of a segment's file, or of an index file of it: `%020d.<extension>`, `%020d_%05d.<extension>`. */
export function fileName(id: SegmentId, extension: string): string {
  const version = id.version === 0 ? "" : `_${String(id.version).padStart(5, "0")}`;
  return `${String(id.segment).padStart(20, "0")}${version}.${extension}`;
}

/** The segments of one store among the names of a directory, ascending by segment and version. */
export function segmentsOf(store: Store, names: Iterable<string>): SegmentId[] {
  const found: SegmentId[] = [];
  for (const name of names) {
    const match = SEGMENT_FILE.exec(name);
    if (match?.[3] === store) found.push({ segment: Number(match[1]), version: Number(match[2] ?? "0") });
  }
  return found.sort((a, b) => a.segment - b.segment || a.version - b.version);
}
