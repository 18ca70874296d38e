import { isSinkError } from "@axon-backup/sink";
import { directly, type BrokenSink } from "./broken-sink.js";

/** Sinks whose optional capabilities are wrong. */
export const brokenCapabilities: readonly BrokenSink[] = [
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
