import { deepEqual, equal, ok } from "node:assert/strict";
import type { ObjectKey, Sink } from "@axon-backup/sink";
import { keys, listAll, store } from "../checks.js";
import type { ContractCase, Harness } from "../contract-case.js";

const group = "list";

/** Stores an object under each key, 16 at once; each holds its number's digits. */
async function storeAll(sink: Sink, names: readonly ObjectKey[]): Promise<void> {
  const queue = [...names.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop())
      await store(sink, next[1], String(next[0]));
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

function manyKeys({ key, pageObjects }: Harness): readonly ObjectKey[] {
  return Array.from({ length: pageObjects }, (_, index) =>
    key("many", `d${index % 7}`, String(index).padStart(20, "0")),
  );
}

export const listCases: readonly ContractCase[] = [
  {
    name: "lists by prefix, of whole parts and of a part's beginning",
    group,
    short: true,
    run: async ({ sink, key, prefix }) => {
      const names = ["a/x1", "a/x2", "a/y/deep/er", "a.b", "a_b", "aXb", "ab/x1", "b"] as const;
      await storeAll(
        sink,
        names.map((name) => key(name)),
      );
      const expected = {
        "": [...names],
        a: names.filter((name) => name.startsWith("a")),
        "a/": ["a/x1", "a/x2", "a/y/deep/er"],
        "a/x": ["a/x1", "a/x2"],
        "a/x1": ["a/x1"],
        "a/y": ["a/y/deep/er"],
        "a/y/": ["a/y/deep/er"],
        "a/y/deep/e": ["a/y/deep/er"],
        a_: ["a_b"],
        "a.": ["a.b"],
        A: [],
        "a/x1/": [],
        c: [],
        "c/d": [],
      };
      for (const [part, found] of Object.entries(expected))
        deepEqual(
          await keys(sink, prefix + part),
          found.map((name) => prefix + name).sort(),
          `list of the prefix "${part}"`,
        );
    },
  },
  {
    name: "lists nothing for a prefix that no key can have",
    group,
    short: true,
    run: async ({ sink, key, prefix }) => {
      await store(sink, key("a"), "a");
      for (const part of ["../", "./", "/", "a/../", "a//", ".tmp", "a*", "?", " "])
        deepEqual(await keys(sink, prefix + part), [], `list of the prefix "${part}"`);
    },
  },
  {
    name: "lists every object, of all prefixes, for an empty prefix",
    group,
    short: false,
    run: async ({ sink, key, prefix }) => {
      const names = [key("one"), key("two/three")];
      await storeAll(sink, names);
      const found = (await keys(sink, "")).filter((name) => name.startsWith(prefix));
      deepEqual(found, names.toSorted(), "list");
    },
  },
  {
    name: "lists more objects than a page, each once, with its size",
    group,
    short: false,
    run: async (harness) => {
      const { sink, prefix } = harness;
      const names = manyKeys(harness);
      await storeAll(sink, names);
      const listed = await listAll(sink, prefix);
      equal(listed.length, names.length, "wrong number of objects listed");
      const sizes = new Map<string, number>(listed.map(({ key, size }) => [key, size]));
      for (const [index, name] of names.entries())
        equal(sizes.get(name), String(index).length, `size of ${name} in the list`);
      const some = names.filter((name) => name.startsWith(`${prefix}many/d3/`));
      deepEqual(await keys(sink, `${prefix}many/d3/`), some.toSorted(), "list of a part of them");
    },
  },
  {
    name: "lists all that stays, and nothing twice, while objects come and go",
    group,
    short: false,
    run: async (harness) => {
      const { sink, key, prefix } = harness;
      const names = manyKeys(harness);
      const every = Math.ceil(names.length / 50);
      const going = new Set<string>(names.filter((_, index) => index % every === 0));
      const staying = names.filter((name) => !going.has(name));
      await storeAll(sink, names);
      const seen: string[] = [];
      let turn = 0;
      for await (const object of sink.list(prefix)) {
        seen.push(object.key);
        if (!going.has(object.key)) continue;
        await sink.delete(object.key);
        await store(sink, key("many", `d${turn % 7}`, `new${turn}`), "new");
        const replaced = staying[turn * 3];
        if (replaced !== undefined) await store(sink, replaced, "replaced");
        turn++;
      }
      equal(new Set(seen).size, seen.length, "objects are listed twice");
      const listed = new Set(seen);
      const missed = staying.filter((name) => !listed.has(name));
      deepEqual(missed, [], "objects that stay aren't listed");
    },
  },
  {
    name: "can be left early while listing",
    group,
    short: true,
    run: async ({ sink, key, prefix }) => {
      const names = Array.from({ length: 5 }, (_, index) => key(`object${index}`));
      await storeAll(sink, names);
      for (let turn = 0; turn < 20; turn++)
        for await (const object of sink.list(prefix)) {
          ok(object.key.startsWith(prefix));
          break;
        }
      deepEqual(await keys(sink, prefix), names, "list afterwards");
    },
  },
];
