import type { Sink } from "@axon-backup/sink";
import type { OpenSegment } from "../repository/manifest.js";

/**
 * How a copy grows:
 *
 * - `whole`: it is put, in the place of what is there.
 * - `extend`: the new bytes are added to it.
 * - `piece`: the new bytes become an object of their own (repository/pieces.ts).
 * - `wait`: later.
 */
export type Way = "whole" | "extend" | "piece" | "wait";

/** From so many pieces on, the copy is put whole when it may be: each of them is read on its own. */
export const MANY_PIECES = 256;
/** More than these are never made: a head, which is replaced in each cycle, lists them. */
export const MOST_PIECES = 1024;
/** Bytes. Copies of up to this size may be put whole at any time: they cost no more than what an extension asks of a storage. */
export const SMALL_COPY = 8 * 1024 * 1024;

/** What is known of the copy, and of the rate. */
export interface Circumstances {
  /** Whether one more copy may be put whole now. */
  readonly mayPut: boolean;
  /** Whether it is certain that what is recorded of the copy is on the sink. */
  readonly isCertain: boolean;
}

/** Decides how a copy grows. Pure. */
export function wayOf(
  {
    stored,
    target,
  }: {
    readonly stored: Pick<OpenSegment, "validBytes" | "pieces"> | undefined;
    readonly target: Pick<OpenSegment, "validBytes">;
  },
  { extend, extendFrom = 0 }: Pick<Sink, "extend" | "extendFrom">,
  { mayPut, isCertain }: Circumstances,
): Way {
  if (stored === undefined) return "whole";
  const { pieces = [], validBytes } = stored;
  if (extend && pieces.length === 0 && validBytes >= extendFrom) return "extend";
  const isUncertain = pieces.length > 0 && !isCertain;
  const isDue =
    isUncertain || pieces.length >= MANY_PIECES || (extend !== undefined && target.validBytes >= extendFrom);
  if (isDue && (mayPut || target.validBytes <= SMALL_COPY)) return "whole";
  return isUncertain || pieces.length >= MOST_PIECES ? "wait" : "piece";
}
