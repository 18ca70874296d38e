import { deepEqual } from "node:assert/strict";
import { MAX_KEY_BYTES, MAX_PART_BYTES, type ObjectKey } from "@axon-backup/sink";
import { absent, keys, read, sameBytes, shows, store } from "../checks.js";
import type { ContractCase, Harness } from "../contract-case.js";

const group = "keys";

/** Fails unless objects under these keys, relative to the prefix, live beside each other. */
async function distinct({ sink, key, prefix }: Harness, names: readonly string[]): Promise<void> {
  const objects = names.map((name) => ({ key: key(name), bytes: new TextEncoder().encode(name) }));
  for (const { key: object, bytes } of objects) await store(sink, object, bytes);
  for (const { key: object, bytes } of objects) await shows(sink, object, bytes, `of ${object}`);
  deepEqual(await keys(sink, prefix), names.map((name) => prefix + name).sort(), "list");
}

/** A key of the greatest length, of parts of the greatest length. */
function longestKey({ prefix, key }: Harness): ObjectKey {
  let rest = "";
  while (prefix.length + rest.length < MAX_KEY_BYTES) {
    const room = MAX_KEY_BYTES - prefix.length - rest.length;
    // A last part of one byte would need its slash, too: leave it room.
    const part = Math.min(MAX_PART_BYTES, room === MAX_PART_BYTES + 1 ? MAX_PART_BYTES - 1 : room);
    rest += "k".repeat(part);
    if (prefix.length + rest.length < MAX_KEY_BYTES) rest += "/";
  }
  return key(rest);
}

export const keyCases: readonly ContractCase[] = [
  {
    name: "takes every character of the key grammar, at every place",
    group,
    short: true,
    run: (harness) => {
      const first = "AZaz09_%=@+-";
      return distinct(harness, [
        ...Array.from(first, (character) => `first/${character}x`),
        ...Array.from(`${first}.`, (character) => `last/x${character}`),
        "middle/a.b_c%d=e@f+g-h",
        "00000000000000000000.events",
        "a..b",
        "a.b.",
        "-rf",
        "@%=+",
      ]);
    },
  },
  {
    name: "doesn't decode what looks encoded",
    group,
    short: true,
    run: (harness) =>
      distinct(harness, ["a+b", "a%20b", "a%2Bb", "x/y", "x%2Fy", "x%2fy", "%00", "%", "%%", "a%zz"]),
  },
  {
    name: "tells upper from lower case",
    group,
    short: true,
    run: (harness) => distinct(harness, ["case/key", "case/Key", "case/KEY", "Case/key"]),
  },
  {
    name: "takes the longest part and the longest key",
    group,
    short: true,
    run: async (harness) => {
      const { sink, key } = harness;
      const bytes = new TextEncoder().encode("long");
      for (const object of [key("p".repeat(MAX_PART_BYTES)), longestKey(harness)]) {
        await store(sink, object, bytes);
        await shows(sink, object, bytes, `of a key of ${object.length} bytes`);
      }
    },
  },
  {
    name: "takes a deep key",
    group,
    short: true,
    run: (harness) => distinct(harness, ["a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p", "a/b/c/d2", "a/b2"]),
  },
  {
    name: "knows no directories: what comes and goes leaves the rest alone",
    group,
    short: true,
    run: async ({ sink, key }) => {
      const [a, ab, abc, neighbour] = [key("a"), key("a/b"), key("a/b/c"), key("a2")];
      const bytes = new TextEncoder().encode("neighbour");
      await store(sink, neighbour, bytes);
      for (const object of [abc, ab, a, ab, abc, a]) {
        await store(sink, object, "x");
        sameBytes(await read(sink, object), new TextEncoder().encode("x"), "get");
        await sink.delete(object);
        await absent(sink, object, "after delete");
      }
      await store(sink, abc, "x");
      await absent(sink, ab, "of a key that is the beginning of another");
      await sink.delete(ab);
      await shows(sink, abc, new TextEncoder().encode("x"), "after delete of the key that it begins with");
      await shows(sink, neighbour, bytes, "of a neighbour");
    },
  },
];
