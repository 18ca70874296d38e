import { parseStoreFileName, type SegmentName, type StoreKind, type Token } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import { endOf } from "../repository/head.js";
import type { ClosedFile, OpenSegment } from "../repository/manifest.js";

/** A segment of a restore point. `nextToken` is undefined when it can't be told: a format that isn't known, or damage on the server. */
interface Link {
  readonly name: SegmentName;
  readonly nextToken: Token | undefined;
}

/**
 * Checks that a store's segments follow each other without a gap, as tokens do: a closed segment that vanished while the run copied the others would
 * leave a hole that nobody sees until a restore. What the server's retention has removed is missing at the beginning, and that is no gap.
 * @returns the first token; undefined for a store without segments
 * @throws EngineError `failed`
 */
export function requireChain(
  where: string,
  store: StoreKind,
  closed: readonly ClosedFile[],
  open: readonly Pick<OpenSegment, "name" | "nextToken" | "unknownFormat">[],
): Token | undefined {
  const newest = new Map<Token, Link>();
  const ends = open.map((segment) => ({ name: segment.name, nextToken: endOf(segment) }));
  for (const file of [...closed, ...ends]) {
    const name = parseStoreFileName(file.name, store);
    if (name?.kind !== "segment" || name.version < (newest.get(name.segment)?.name.version ?? 0)) continue;
    newest.set(name.segment, { name, nextToken: file.nextToken });
  }
  const links = [...newest.values()].sort((one, other) => one.name.segment - other.name.segment);
  for (const [index, { name, nextToken }] of links.entries()) {
    const next = links[index + 1]?.name;
    if (next === undefined || nextToken === undefined || nextToken === next.segment) continue;
    throw new EngineError(
      "failed",
      `${where}: ${name.name} ends before token ${nextToken}, and the segment after it is ${next.name}: ${nextToken < next.segment ? "one between them is missing" : "they overlap"}`,
      "Nothing was committed. If the server was removing or moving segments just now, run it again; if it stays, the server's own store has a gap: let Axon Server check it.",
    );
  }
  return links[0]?.name.segment;
}
