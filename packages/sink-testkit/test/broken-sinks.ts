import {
  bytesSource,
  isSinkError,
  objectKey,
  type ObjectKey,
  readAll,
  type Sink,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { type MemorySink, memorySink } from "@axon-backup/sink-testkit";

/** A memory sink that breaks one promise, and the cases that must notice (others may, too). */
export interface BrokenSink {
  readonly name: string;
  readonly caughtBy: readonly string[];
  /** A sink over `inner`; shares its storage with other connections. */
  readonly make: (inner: MemorySink) => Partial<Sink>;
}

const SHOWS_NOTHING = "shows nothing of a put that is still running";
const MIDDLE = "passes on the error of a source that fails in the middle";
const STAYS = "lists all that stays, and nothing twice, while objects come and go";
const MORE_THAN_A_PAGE = "lists more objects than a page, each once, with its size";

/** Reads a source into an array whatever it gives. */
async function slurp(
  source: Source,
  signal?: AbortSignal,
  each?: (bytes: Uint8Array) => void,
): Promise<Buffer> {
  let all = Buffer.alloc(0);
  for await (const chunk of source.open(signal)) {
    all = Buffer.concat([all, chunk]);
    each?.(all);
  }
  return all;
}

function directly(inner: MemorySink, key: ObjectKey, bytes: Uint8Array): Promise<StoredObject> {
  return inner.put(key, bytesSource(bytes));
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

export const brokenSinks: readonly BrokenSink[] = [
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
  {
    name: "replaces an object in ifAbsent",
    caughtBy: ["ifAbsent creates an object where there is none, and replaces none"],
    make: (inner) => ({ conditional: { ifAbsent: inner.put.bind(inner) } }),
  },
  {
    name: "looks first and puts then in ifAbsent",
    caughtBy: ["ifAbsent lets one of several writers win"],
    make: (inner) => ({
      conditional: {
        ifAbsent: async (key, source, options) => {
          if (inner.storage.has(key)) return inner.conditional.ifAbsent?.(key, source, options) as never;
          return inner.put(key, source, options);
        },
      },
    }),
  },
  {
    name: "compares the version first and puts then in ifUnchanged",
    caughtBy: ["ifUnchanged lets one of several writers win"],
    make: (inner) => ({
      conditional: {
        ifUnchanged: async (key, version, source, options) => {
          if (inner.storage.get(key)?.version !== version)
            return inner.conditional.ifUnchanged?.(key, version, source, options) as never;
          return inner.put(key, source, options);
        },
      },
    }),
  },
  {
    name: "damages the kept bytes in extend",
    caughtBy: [
      "keeps the whole object and puts bytes behind it",
      "keeps a part and puts more behind it than there was",
    ],
    make: (inner) => ({
      extend: async (key, keep, source, options) => {
        const stored = await inner.extend(key, keep, source, options);
        const bytes = new Uint8Array(inner.storage.get(key)?.bytes ?? []);
        if (keep > 0 && bytes.byteLength > keep) bytes[keep - 1] = ~(bytes[keep - 1] ?? 0);
        await directly(inner, key, bytes);
        return { ...(await inner.stat(key)), size: stored.size };
      },
    }),
  },
  {
    name: "keeps what came after the kept bytes in extend",
    caughtBy: ["keeps a part and drops what came after it", "cuts an object"],
    make: (inner) => ({
      extend: async (key, keep, source, options) => {
        const old = inner.storage.get(key)?.bytes ?? new Uint8Array(0);
        const stored = await inner.extend(key, keep, source, options);
        const bytes = inner.storage.get(key)?.bytes ?? new Uint8Array(0);
        await directly(inner, key, Buffer.concat([bytes, old.subarray(bytes.byteLength)]));
        return stored;
      },
    }),
  },
  {
    name: "loses the object when an extend fails",
    caughtBy: [
      "keeps the first bytes when the source fails in the middle",
      "keeps the first bytes when aborted",
    ],
    make: (inner) => ({
      extend: async (key, keep, source, options) => {
        try {
          return await inner.extend(key, keep, source, options);
        } catch (error) {
          if (!isSinkError(error)) await directly(inner, key, new Uint8Array(keep));
          throw error;
        }
      },
    }),
  },
  {
    name: "creates an object in extend",
    caughtBy: ["doesn't extend what isn't there"],
    make: (inner) => ({
      extend: (key, keep, source, options) =>
        inner.storage.has(key) ? inner.extend(key, keep, source, options) : inner.put(key, source, options),
    }),
  },
  {
    name: "leaves zeros out of extend",
    caughtBy: ["puts zeros in the place of other bytes"],
    make: (inner) => ({
      extend: async (key, keep, source, options) => {
        const old = inner.storage.get(key)?.bytes ?? new Uint8Array(0);
        const stored = await inner.extend(key, keep, source, options);
        const bytes = new Uint8Array(inner.storage.get(key)?.bytes ?? []);
        for (let at = keep; at < Math.min(old.byteLength, bytes.byteLength); at++)
          if (bytes[at] === 0) bytes[at] = old[at] ?? 0;
        await directly(inner, key, bytes);
        return stored;
      },
    }),
  },
  {
    name: "removes what is being written as a leftover",
    caughtBy: ["removeLeftovers harms neither objects nor a put that is running"],
    make: (inner) => {
      const running = new Set<AbortController>();
      return {
        put: async (key, source, options) => {
          const controller = new AbortController();
          running.add(controller);
          const signals = [controller.signal, ...(options?.signal ? [options.signal] : [])];
          try {
            return await inner.put(key, source, { signal: AbortSignal.any(signals) });
          } finally {
            running.delete(controller);
          }
        },
        removeLeftovers: () => {
          for (const controller of running) controller.abort(new Error("swept away"));
          return Promise.resolve(running.size);
        },
      };
    },
  },
];
