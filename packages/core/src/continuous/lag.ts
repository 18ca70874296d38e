import { STORE_KINDS } from "@axon-backup/axon-server";
import { lastBefore } from "../repository/head.js";
import type { ContextLag, StoredMoment, StoreMark, StorePosition, WatchState } from "./types.js";

const NOTHING: StoreMark = { segment: undefined, validBytes: 0, nextToken: 0 as StoreMark["nextToken"] };

/**
 * How far a sink is behind what was seen of the server, in each context that was.
 * @param stored what the sink has, as `follow` told last; undefined for nothing
 */
export function lagsOf({ positions }: WatchState, stored: StoredMoment | undefined): ContextLag[] {
  return Array.from(positions.values(), (position) => {
    const mark = stored?.contexts.find(({ context }) => context === position.context);
    const behind = STORE_KINDS.map((store) => behindOf(position[store], mark?.[store] ?? NOTHING));
    const waiting = behind.flatMap(({ since }) => (since === undefined ? [] : [since]));
    const [snapshots, events] = behind;
    return {
      context: position.context,
      storedToken: lastBefore((mark?.events ?? NOTHING).nextToken),
      serverToken: lastBefore(position.events.nextToken),
      tokens: events?.tokens ?? 0,
      snapshots: snapshots?.tokens ?? 0,
      bytes: behind.reduce((sum, { bytes }) => sum + bytes, 0),
      since: waiting.sort((one, other) => one.getTime() - other.getTime())[0],
    };
  });
}

function behindOf(
  { segments, nextToken, seen }: StorePosition,
  mark: StoreMark,
): { readonly tokens: number; readonly bytes: number; readonly since: Date | undefined } {
  if (nextToken <= mark.nextToken) return { tokens: 0, bytes: 0, since: undefined };
  let bytes = 0;
  for (const { file, validBytes } of segments) {
    const { segment } = file.name;
    if (mark.segment !== undefined && segment < mark.segment) continue;
    bytes += segment === mark.segment ? Math.max(0, validBytes - mark.validBytes) : validBytes;
  }
  return {
    tokens: nextToken - mark.nextToken,
    bytes,
    since: seen.find((moment) => moment.nextToken > mark.nextToken)?.at,
  };
}
