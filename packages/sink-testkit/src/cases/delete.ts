import { deepEqual } from "node:assert/strict";
import { absent, keys, read, rejectsWith, shows, store } from "../checks.js";
import type { ContractCase } from "../contract-case.js";
import { pattern } from "../sources.js";

const group = "absent objects and delete";

export const deleteCases: readonly ContractCase[] = [
  {
    name: "says not-found of what isn't there",
    group,
    short: true,
    run: async ({ sink, key }) => {
      await absent(sink, key("nothing"), "of nothing");
      await absent(sink, key("no/such/parts"), "of nothing below nothing");
      await rejectsWith(read(sink, key("nothing"), { offset: 5, length: 5 }), "not-found", "get of a range");
      await store(sink, key("object"), "x");
      await rejectsWith(sink.stat(key("objec")), "not-found", "stat of the beginning of a key");
      await rejectsWith(sink.stat(key("object/below")), "not-found", "stat below an object");
      await rejectsWith(read(sink, key("object/below")), "not-found", "get below an object");
    },
  },
  {
    name: "deletes an object: gone from get, stat and list at once",
    group,
    short: true,
    run: async ({ sink, key, prefix }) => {
      const bytes = pattern(100);
      const [gone, kept] = [key("d/gone"), key("d/gone2")];
      await store(sink, gone, bytes);
      await store(sink, kept, bytes);
      await sink.delete(gone);
      await absent(sink, gone, "after delete");
      deepEqual(await keys(sink, prefix), [kept], "list after delete");
      await shows(sink, kept, bytes, "after delete of another");
    },
  },
  {
    name: "deletes what isn't there",
    group,
    short: true,
    run: async ({ sink, key }) => {
      await sink.delete(key("nothing"));
      await sink.delete(key("no/such/parts"));
      const object = key("object");
      await store(sink, object, "x");
      await sink.delete(key("object/below"));
      await sink.delete(object);
      await sink.delete(object);
      await absent(sink, object, "after two deletes");
    },
  },
  {
    name: "stores a deleted object again",
    group,
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      for (const size of [500, 200, 300]) {
        await store(sink, object, pattern(size, size));
        await shows(sink, object, pattern(size, size), "after put");
        await sink.delete(object);
        await absent(sink, object, "after delete");
      }
    },
  },
];
