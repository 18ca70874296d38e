import { isDeepStrictEqual } from "node:util";
import type { ErrorDescription } from "../../errors/describe-error.js";
import type { LastingTrouble } from "./conditions.js";

/** Whether `next` says something that `known`, the same trouble, didn't. A failure's text may differ each time, and it is the same still. */
export function isNews(known: LastingTrouble, next: LastingTrouble): boolean {
  if (known.kind === "damage" && next.kind === "damage") {
    const names = new Set(known.objects);
    // Some may be among those that were counted without their names.
    return next.objects.filter((name) => !names.has(name)).length > known.count - known.objects.length;
  }
  if (known.kind === "configuration-rejected" && next.kind === "configuration-rejected")
    return !isDeepStrictEqual(essence(known.error), essence(next.error));
  return false;
}

function essence({ message, causes, problems }: ErrorDescription): unknown {
  return { message, causes, problems };
}

/** Both together: the newest, with all objects that are known. */
export function merge(known: LastingTrouble, next: LastingTrouble): LastingTrouble {
  if (known.kind !== "damage" || next.kind !== "damage") return next;
  const objects = [...new Set([...next.objects, ...known.objects])];
  return { ...next, objects, count: Math.max(known.count, next.count, objects.length) };
}
