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
  /** Whether its files' names have 14 digits instead of 20, as very old versions gave them (docs/axon-server.md, section 3). */
  readonly short?: true;
}

const DIGITS = 20;
const SHORT_DIGITS = 14;
const SEGMENT_FILE = /^(\d{14}|\d{20})(?:_(\d{5}))?\.(events|snapshots)$/;

/** The name of a segment's file, or of an index file of it: `%020d.<extension>`, `%020d_%05d.<extension>`; `%014d` if it is short. */
export function fileName(id: SegmentId, extension: string): string {
  const version = id.version === 0 ? "" : `_${String(id.version).padStart(5, "0")}`;
  return `${String(id.segment).padStart(id.short ? SHORT_DIGITS : DIGITS, "0")}${version}.${extension}`;
}

const SHORT_NAME = /^(?=\d{14}[_.])/;

/** The name with 20 digits of a file whose name may have 14. */
export function longName(name: string): string {
  return name.replace(SHORT_NAME, "0".repeat(DIGITS - SHORT_DIGITS));
}

/** The segments of one store among the names of a directory, ascending by segment and version. */
export function segmentsOf(store: Store, names: Iterable<string>): SegmentId[] {
  const found: SegmentId[] = [];
  for (const name of names) {
    const [, digits, version = "0", extension] = SEGMENT_FILE.exec(name) ?? [];
    if (digits === undefined || extension !== store) continue;
    const id = { segment: Number(digits), version: Number(version) };
    found.push(digits.length === SHORT_DIGITS ? { ...id, short: true } : id);
  }
  return found.sort((a, b) => a.segment - b.segment || a.version - b.version);
}
