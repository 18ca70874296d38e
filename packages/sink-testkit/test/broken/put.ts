import { bytesSource, isSinkError, objectKey, readAll, type ObjectKey } from "@axon-backup/sink";
import { memorySink } from "@axon-backup/sink-testkit";
import { SHOWS_NOTHING, MIDDLE, slurp, directly, type BrokenSink } from "./broken-sink.js";

/** Sinks whose put is wrong. */
export const brokenPuts: readonly BrokenSink[] = [
  {
    name: "takes a short write as success",
    caughtBy: [
      "refuses a source that ends one byte early",
      "refuses a source that gives nothing of its bytes",
    ],
    make: (inner) => ({
      put: async (key, source, options) => directly(inner, key, await slurp(source, options?.signal)),
    }),
  },
  {
    name: "cuts what a source gives beyond its size",
    caughtBy: ["refuses a source that gives one byte more", "refuses a source that gives bytes and has none"],
    make: (inner) => ({
      put: async (key, source, options) => {
        const bytes = (await slurp(source, options?.signal)).subarray(0, source.size);
        return inner.put(key, { size: source.size, open: () => bytesSource(bytes).open() });
      },
    }),
  },
  {
    name: "shows a partial object while it is put",
    caughtBy: [SHOWS_NOTHING, MIDDLE],
    make: (inner) => ({
      put: async (key, source, options) => {
        await slurp(source, options?.signal, (bytes) => void directly(inner, key, new Uint8Array(bytes)));
        return inner.put(key, source, options);
      },
    }),
  },
  {
    name: "keeps the old tail",
    caughtBy: [
      "replaces an object by a shorter one and keeps no old tail",
      "replaces an object by an empty one",
    ],
    make: (inner) => ({
      put: async (key, source, options) => {
        const old = inner.storage.get(key)?.bytes ?? new Uint8Array(0);
        const bytes = await readAll(source.open(options?.signal));
        await inner.put(key, source, options);
        await directly(inner, key, Buffer.concat([bytes, old.subarray(bytes.byteLength)]));
        return inner.stat(key);
      },
    }),
  },
  {
    name: "loses the error of the source",
    caughtBy: [MIDDLE, "passes on the error of a source that fails after its last byte"],
    make: (inner) => ({
      put: async (key, source, options) => {
        try {
          return await inner.put(key, source, options);
        } catch (error) {
          if (options?.signal?.aborted === true || isSinkError(error)) throw error;
          return { key, size: source.size };
        }
      },
    }),
  },
  {
    name: "wraps the error of the source",
    caughtBy: [MIDDLE, "passes on the error of a source that fails at once"],
    make: (inner) => ({
      put: async (key, source, options) => {
        try {
          return await inner.put(key, source, options);
        } catch (error) {
          if (options?.signal?.aborted === true || isSinkError(error)) throw error;
          throw new Error("put failed", { cause: error });
        }
      },
    }),
  },
  {
    name: "shows an object some time after its put",
    caughtBy: [
      "replaces an object by a longer one",
      "leaves one of the objects, whole, when several are put to one key at once",
    ],
    make: (inner) => ({
      put: async (key, source, options) => {
        const hidden = memorySink();
        const stored = await hidden.put(key, source, options);
        const object = hidden.storage.get(key);
        setTimeout(() => object && inner.storage.set(key, object), 20);
        return stored;
      },
    }),
  },
  {
    name: "shows what was put through the same connection only",
    caughtBy: ["shows what was put, extended and deleted through another connection at once"],
    make: () => {
      const own = memorySink();
      return {
        put: own.put.bind(own),
        get: own.get.bind(own),
        stat: own.stat.bind(own),
        list: own.list.bind(own),
        delete: own.delete.bind(own),
      };
    },
  },
  {
    name: "lists temporary names",
    caughtBy: [SHOWS_NOTHING],
    make: (inner) => ({
      put: async (key, source, options) => {
        const temporary = objectKey(`${key}.part`);
        await directly(inner, temporary, new Uint8Array(0));
        try {
          return await inner.put(key, source, options);
        } finally {
          await inner.delete(temporary);
        }
      },
    }),
  },
  {
    name: "doesn't tell upper from lower case",
    caughtBy: ["tells upper from lower case"],
    make: (inner) => {
      const fold = (key: ObjectKey): ObjectKey => objectKey(key.toLowerCase());
      return {
        put: async (key, source, options) => ({ ...(await inner.put(fold(key), source, options)), key }),
        get: (key, options) => inner.get(fold(key), options),
        stat: async (key, options) => ({ ...(await inner.stat(fold(key), options)), key }),
        delete: (key, options) => inner.delete(fold(key), options),
      };
    },
  },
  {
    name: "decodes its keys",
    caughtBy: ["doesn't decode what looks encoded"],
    make: (inner) => {
      const decode = (key: ObjectKey): ObjectKey => objectKey(key.replaceAll(/%2f/gi, "/"));
      return {
        put: async (key, source, options) => ({ ...(await inner.put(decode(key), source, options)), key }),
        get: (key, options) => inner.get(decode(key), options),
        stat: async (key, options) => ({ ...(await inner.stat(decode(key), options)), key }),
        delete: (key, options) => inner.delete(decode(key), options),
      };
    },
  },
  {
    name: "stores an object although aborted",
    caughtBy: ["stops a put at once when aborted, with the signal's reason"],
    make: (inner) => ({
      put: async (key, source, options) => {
        options?.signal?.throwIfAborted();
        options?.signal?.addEventListener("abort", () => void directly(inner, key, new Uint8Array(7)));
        return inner.put(key, source, options);
      },
    }),
  },
  {
    name: "tells the size that it was sent, and stores less",
    caughtBy: ["gives back 1 bytes, put in chunks of 1"],
    make: (inner) => ({
      put: async (key, source, options) => {
        const stored = await inner.put(key, source, options);
        const bytes = inner.storage.get(key)?.bytes ?? new Uint8Array(0);
        await directly(inner, key, bytes.subarray(0, -1));
        return stored;
      },
    }),
  },
  {
    name: "keeps the chunks of a source that reuses its buffer",
    caughtBy: ["gives back 65535 bytes, put in chunks of 1000"],
    make: (inner) => ({
      put: async (key, source, options) => {
        await inner.put(key, source, options);
        const chunks: Uint8Array[] = [];
        for await (const chunk of source.open(options?.signal)) chunks.push(chunk);
        return directly(inner, key, Buffer.concat(chunks));
      },
    }),
  },
];
