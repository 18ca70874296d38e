import { isSinkError, type StoredObject } from "@axon-backup/sink";
import { STAYS, MORE_THAN_A_PAGE, all, type BrokenSink } from "./broken-sink.js";

/** Sinks whose get, stat, list or delete is wrong. */
export const brokenReads: readonly BrokenSink[] = [
  {
    name: "lists a page only",
    caughtBy: [MORE_THAN_A_PAGE, STAYS],
    make: (inner) => ({
      list: async function* (prefix, options) {
        let count = 0;
        for await (const object of inner.list(prefix, options)) if (count++ < 100) yield object;
      },
    }),
  },
  {
    name: "lists by offset, so that what goes makes it miss others",
    caughtBy: [STAYS],
    make: (inner) => ({
      list: async function* (prefix, options) {
        for (let at = 0; ; at += 10) {
          const page = (await all(inner.list(prefix, options))).slice(at, at + 10);
          if (page.length === 0) return;
          yield* page;
        }
      },
    }),
  },
  {
    name: "lists the last object of a page again",
    caughtBy: [MORE_THAN_A_PAGE],
    make: (inner) => ({
      list: async function* (prefix, options) {
        let count = 0;
        for await (const object of inner.list(prefix, options)) {
          yield object;
          if (++count % 50 === 0) yield object;
        }
      },
    }),
  },
  {
    name: "lists by directory, so that the beginning of a part finds nothing",
    caughtBy: ["lists by prefix, of whole parts and of a part's beginning"],
    make: (inner) => ({
      list: async function* (prefix, options) {
        for await (const object of inner.list(prefix, options))
          if (prefix === "" || prefix.endsWith("/") || object.key === prefix) yield object;
      },
    }),
  },
  {
    name: "fails to delete what isn't there",
    caughtBy: ["deletes what isn't there"],
    make: (inner) => ({
      delete: async (key, options) => {
        await inner.stat(key, options);
        await inner.delete(key, options);
      },
    }),
  },
  {
    name: "deletes everything that begins with the key",
    caughtBy: [
      "deletes an object: gone from get, stat and list at once",
      "knows no directories: what comes and goes leaves the rest alone",
    ],
    make: (inner) => ({
      delete: async (key, options) => {
        for (const { key: found } of await all(inner.list(key, options))) await inner.delete(found, options);
      },
    }),
  },
  {
    name: "deletes later",
    caughtBy: ["deletes an object: gone from get, stat and list at once", "stores a deleted object again"],
    make: (inner) => ({
      delete: (key, options) => {
        options?.signal?.throwIfAborted();
        setImmediate(() => void inner.delete(key));
        return Promise.resolve();
      },
    }),
  },
  {
    name: "takes the end of a range as included",
    caughtBy: ["reads a range in the middle", "reads one byte"],
    make: (inner) => ({
      get: (key, { range, ...options } = {}) =>
        inner.get(key, {
          ...options,
          ...(range?.length === undefined
            ? range && { range }
            : { range: { offset: range.offset, length: range.length + 1 } }),
        }),
    }),
  },
  {
    name: "gives no bytes for a range beyond the end",
    caughtBy: ["refuses a range that begins beyond the end"],
    make: (inner) => ({
      get: async function* (key, options) {
        try {
          yield* inner.get(key, options);
        } catch (error) {
          if (!isSinkError(error, "range")) throw error;
        }
      },
    }),
  },
  {
    name: "takes no notice of its signal",
    caughtBy: [
      "stops a put that waits for its first byte when aborted",
      "rejects every call whose signal is aborted already, with its reason",
    ],
    make: (inner) => ({ put: (key, source) => inner.put(key, source), stat: (key) => inner.stat(key) }),
  },
  {
    name: "remembers sizes",
    caughtBy: ["stores a deleted object again", "tells the same of an object in put, stat and list"],
    make: (inner) => {
      const sizes = new Map<string, StoredObject>();
      return {
        stat: async (key, options) => {
          const stored = await inner.stat(key, options);
          const known = sizes.get(key) ?? stored;
          sizes.set(key, known);
          return known;
        },
      };
    },
  },
  {
    name: "reads ahead into the buffer that the consumer still has",
    caughtBy: ["keeps a chunk as it is until the consumer's next step"],
    make: (inner) => ({
      get: async function* (key, options) {
        const buffer = new Uint8Array(64 * 1024);
        for await (const chunk of inner.get(key, options)) {
          buffer.set(chunk);
          setImmediate(() => buffer.fill(0xaa));
          yield buffer.subarray(0, chunk.byteLength);
        }
      },
    }),
  },
  {
    name: "reads on from the new object when the old one is replaced",
    caughtBy: ["reads the bytes of one moment when the object is replaced meanwhile"],
    make: (inner) => ({
      get: async function* (key, { range, signal } = {}) {
        const { size } = await inner.stat(key);
        const end = Math.min(size, (range?.offset ?? 0) + (range?.length ?? size));
        if (range && range.offset > size) yield* inner.get(key, { range });
        for (let at = range?.offset ?? 0; at < end; at += 65536) {
          signal?.throwIfAborted();
          yield* inner.get(key, { range: { offset: at, length: Math.min(65536, end - at) } });
        }
      },
    }),
  },
  {
    name: "holds a connection for each get that is left early, and has ten",
    caughtBy: ["releases what a get holds when its consumer stops early"],
    make: (inner) => {
      let free = 10;
      return {
        get: async function* (key, options) {
          if (free === 0) await new Promise(() => undefined);
          free--;
          yield* inner.get(key, options);
          free++;
        },
      };
    },
  },
];
