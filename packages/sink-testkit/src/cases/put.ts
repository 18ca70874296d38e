import { createHash } from "node:crypto";
import { equal, notEqual, ok } from "node:assert/strict";
import { crc32 } from "node:zlib";
import type { StoredObject } from "@axon-backup/sink";
import { listAll, read, sameBytes, shows, store } from "../checks.js";
import type { ContractCase } from "../contract-case.js";
import { chunkedSource, KiB, MiB, pattern } from "../sources.js";

const group = "put and get";

function roundTrip(size: number, chunks: readonly number[], short: boolean): ContractCase {
  return {
    name: `gives back ${size} bytes, put in chunks of ${chunks.join(", ")}`,
    group,
    short,
    run: async ({ sink, key }) => {
      const bytes = pattern(size);
      const name = key("object");
      const stored = await sink.put(name, chunkedSource(bytes, chunks));
      equal(stored.size, size, "put returns another size");
      equal(stored.key, name, "put returns another key");
      await shows(sink, name, bytes, "after put");
    },
  };
}

function overwrite(name: string, before: number, after: number, short: boolean): ContractCase {
  return {
    name,
    group,
    short,
    run: async ({ sink, key }) => {
      const object = key("object");
      await store(sink, object, pattern(before, 2));
      const bytes = pattern(after, 3);
      equal((await store(sink, object, bytes)).size, after, "put returns another size");
      await shows(sink, object, bytes, "after the second put");
    },
  };
}

/** What is checked is whatever the sink tells: a checksum that it doesn't give can't be wrong. */
function checkChecksum({ checksum }: StoredObject, bytes: Uint8Array): void {
  if (checksum === undefined) return;
  const { algorithm, value } = checksum;
  if (algorithm === "sha256" || algorithm === "md5")
    equal(value, createHash(algorithm).update(bytes).digest("hex"), `wrong ${algorithm}`);
  else if (algorithm === "crc32") equal(value, crc32(bytes).toString(16).padStart(8, "0"), "wrong crc32");
  else ok(/^([0-9a-f]{8}){1,2}$/.test(value), `${algorithm} ${value} isn't lower-case hex`);
}

export const putCases: readonly ContractCase[] = [
  roundTrip(0, [1], true),
  roundTrip(1, [1], true),
  roundTrip(64 * KiB - 1, [1000], true),
  roundTrip(64 * KiB, [64 * KiB], true),
  roundTrip(64 * KiB + 1, [64 * KiB], true),
  roundTrip(5 * MiB + 3, [1, 7, 65537, 100_003], false),
  roundTrip(9 * MiB, [3 * MiB], false),
  overwrite("replaces an object by a longer one", 1000, 70_000, true),
  overwrite("replaces an object by a shorter one and keeps no old tail", 70_000, 1000, true),
  overwrite("replaces an object by an empty one", 1000, 0, true),
  overwrite("replaces an object by one of the same size", 5000, 5000, true),
  {
    name: "stores zeros as zeros",
    group,
    short: false,
    run: async ({ sink, key }) => {
      const object = key("zeros");
      await store(sink, object, pattern(3 * MiB, 4));
      const bytes = new Uint8Array(2 * MiB + 5);
      bytes[MiB] = 1;
      await sink.put(object, chunkedSource(bytes, [100_000]));
      await shows(sink, object, bytes, "after put");
    },
  },
  {
    name: "gives empty chunks of a source no meaning",
    group,
    short: true,
    run: async ({ sink, key }) => {
      const bytes = pattern(300);
      const object = key("object");
      const source = {
        size: 300,
        // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
        open: async function* () {
          yield new Uint8Array(0);
          yield bytes.subarray(0, 100);
          yield new Uint8Array(0);
          yield bytes.subarray(100);
          yield new Uint8Array(0);
        },
      };
      await sink.put(object, source);
      await shows(sink, object, bytes, "after put");
    },
  },
  {
    name: "tells the same of an object in put, stat and list",
    group,
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      for (const bytes of [pattern(3000, 5), pattern(2000, 6)]) {
        const stored = await store(sink, object, bytes);
        const stat = await sink.stat(object);
        const [listed] = await listAll(sink, object);
        ok(listed, "the object isn't listed");
        for (const [what, told] of Object.entries({ put: stored, stat, list: listed })) {
          equal(told.size, bytes.byteLength, `${what}: wrong size`);
          equal(told.key, object, `${what}: wrong key`);
          equal(told.version, stat.version, `${what}: another version than stat`);
          ok(told.modified === undefined || !Number.isNaN(told.modified.getTime()), `${what}: wrong time`);
          checkChecksum(told, bytes);
        }
      }
    },
  },
  {
    name: "gives an object another version whenever it changes, if it gives versions",
    group,
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      const first = await store(sink, object, pattern(100, 7));
      const second = await store(sink, object, pattern(100, 8));
      if (first.version !== undefined)
        notEqual(second.version, first.version, "the version is still the same");
    },
  },
  {
    name: "keeps a chunk as it is until the consumer's next step",
    group,
    short: false,
    run: async ({ sink, key }) => {
      const bytes = pattern(3 * MiB + 1, 9);
      const object = key("object");
      await store(sink, object, bytes);
      let at = 0;
      for await (const chunk of sink.get(object)) {
        // Other work in between: a sink that reads ahead into the same buffer would do it now.
        await sink.stat(object);
        await new Promise((resolve) => setImmediate(resolve));
        sameBytes(chunk, bytes.subarray(at, at + chunk.byteLength), `the chunk at ${at}`);
        at += chunk.byteLength;
      }
      equal(at, bytes.byteLength, "wrong number of bytes");
    },
  },
  {
    name: "releases what a get holds when its consumer stops early",
    group,
    short: false,
    run: async ({ sink, key, within }) => {
      const object = key("object");
      const bytes = pattern(2 * MiB, 10);
      await store(sink, object, bytes);
      for (let turn = 0; turn < 40; turn++) {
        const first = async (): Promise<number> => {
          for await (const chunk of sink.get(object)) return chunk.byteLength;
          return 0;
        };
        ok((await within(`get number ${turn + 1}, after others stopped early`, first())) > 0, "no bytes");
      }
      sameBytes(await within("a whole get afterwards", read(sink, object)), bytes, "get afterwards");
    },
  },
];
