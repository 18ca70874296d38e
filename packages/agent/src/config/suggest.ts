import type { JsonSchema } from "@axon-backup/sink";

/** How many single edits (insert, delete, replace, swap neighbours) lead from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replace, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? a.length;
}

/** Spellings that differ by case and separators alone are the same word: `controlDb`, `control-db`, `control_db`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, "");
}

/** The nearest of `names` to `name`; undefined when none is near: at most 3 edits, and at most a third of its length. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const candidate of names) {
    const distance = editDistance(plain(name), plain(candidate));
    const limit = Math.min(3, Math.max(1, Math.ceil(candidate.length / 3)));
    if (distance <= limit && (best === undefined || distance < best.distance))
      best = { name: candidate, distance };
  }
  return best?.name;
}

/**
 * The path of the key that the operator most likely meant by `key` in the section `path`: the nearest name of that section, else
 * the same or a near one in another.
 */
export function suggestKey(schema: JsonSchema, path: readonly string[], key: string): string | undefined {
  const here = path.filter((part) => !/^\d+$/.test(part)).join(".");
  const known = keyPaths(schema, []);
  const parent = (at: readonly string[]) => at.slice(0, -1).join(".");
  const siblings = known.filter((at) => parent(at) === here);
  const near = nearest(key, siblings.map(lastOf));
  if (near !== undefined) return [...path, near].join(".");
  const elsewhere = known.filter((at) => parent(at) !== here);
  const name = nearest(key, elsewhere.map(lastOf));
  return elsewhere.find((at) => lastOf(at) === name)?.join(".");
}

function lastOf(path: readonly string[]): string {
  return path.at(-1) ?? "";
}

/** The paths of all keys that a schema knows, without the indexes of lists. */
function keyPaths(schema: unknown, at: readonly string[]): (readonly string[])[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties, items } = schema as { properties?: Record<string, unknown>; items?: unknown };
  const paths = Object.entries(properties ?? {}).flatMap(([key, child]) => [
    [...at, key],
    ...keyPaths(child, [...at, key]),
  ]);
  return [...paths, ...keyPaths(items, at)];
}
