import type { Token } from "@axon-backup/axon-server";
import type { OpenSegment, StoreManifest } from "./manifest.js";

/** The last event (or snapshot) of a store in a restore point. */
export interface Head {
  /** Its token; null for none. */
  readonly lastToken: Token | null;
  /** False when the last segment is of a format that the agent didn't know: then there may be more, and `lastToken` is the least that it can be. */
  readonly exact: boolean;
}

/** What a manifest knows of a store's head. */
export function headOf({ nextToken, open }: Pick<StoreManifest, "nextToken" | "open">): Head {
  const last = open.at(-1);
  return { lastToken: lastBefore(nextToken), exact: last === undefined || endOf(last) !== undefined };
}

/** The token after an open segment's last event; undefined when it can't be told. */
export function endOf({
  nextToken,
  unknownFormat,
}: Pick<OpenSegment, "nextToken" | "unknownFormat">): Token | undefined {
  return unknownFormat === undefined ? nextToken : undefined;
}

/** The token before the next one; null for none. */
export function lastBefore(nextToken: Token): Token | null {
  return nextToken === 0 ? null : ((nextToken - 1) as Token);
}
