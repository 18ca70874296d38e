import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { GenerateOptions } from "@axon-backup/axon-server-standin";
import type { StoragePart } from "../options.js";
import { contentOf, filesBelow, type Store, type Workshop } from "../workshop.js";

const KiB = 1024;
const MiB = 1024 * KiB;

export interface DataSet {
  readonly part: Exclude<StoragePart, "extend" | "tiny-restore">;
  readonly title: string;
  readonly generate: Omit<GenerateOptions, "directory" | "open">;
  /** If set, index and bloom filter files are that many random bytes each, for the number of files that the title says. */
  readonly fill?: number;
}

export const DATA_SETS: readonly DataSet[] = [
  {
    part: "large",
    title: "8 × 32 MiB",
    generate: { segments: 8, segmentSize: 32 * MiB, indexBytes: 64 * KiB },
  },
  {
    part: "small",
    title: "2,000 × 16 KiB",
    // Each segment has two files beside it.
    generate: { segments: 667, segmentSize: 16 * KiB, eventsPerTransaction: 1, indexBytes: 16 * KiB },
    fill: 16 * KiB,
  },
  {
    part: "tiny",
    title: "10,000 segments of 1 KiB",
    generate: {
      segments: 10_000,
      segmentSize: KiB,
      eventsPerTransaction: 1,
      payloadBytes: 200,
      indexBytes: 128,
    },
  },
];

/** @param name unique */
export async function makeStore(
  { generate, fill }: DataSet,
  workshop: Workshop,
  name: string,
): Promise<Store & { readonly url: string }> {
  const store = await workshop.store(name, generate);
  if (fill === undefined) return store;
  for (const path of filesBelow(store.data))
    if (/\.(?:index|bloom)$/.test(path)) writeFileSync(path, randomBytes(fill));
  return { ...store, ...contentOf(store.data) };
}
