import type { ObjectKey, Sink } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { decodeDocument } from "./document.js";
import { damageMarkKey } from "./layout.js";
import type { DamageMark } from "./manifest.js";
import { readOptional } from "./read-optional.js";

/**
 * The mark that an object is damaged.
 * @returns undefined when there is none; `unreadable` when it is damaged itself, and says no more than that there is one
 */
export async function readDamageMark(
  sink: Sink,
  key: ObjectKey,
  signal: AbortSignal | undefined,
): Promise<DamageMark | "unreadable" | undefined> {
  const where = damageMarkKey(key);
  const bytes = await readOptional(sink, where, signal);
  if (bytes === undefined) return undefined;
  try {
    const mark = decodeDocument("damage", bytes, where) as DamageMark;
    return mark.key === key ? mark : "unreadable";
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return "unreadable";
  }
}
