import type { ObjectKind, Sink, Source } from "@axon-backup/sink";
import { changedSource, decorate, type WithCapabilitiesOf } from "./decorate.js";
import { type Lender, Places } from "./places.js";

/** What is stored only if the lock is held then (`ExclusivePuts`), and the lock itself. */
const ASKING: ReadonlySet<ObjectKind> = new Set(["open-segment", "control-db", "document"]);

/**
 * At most `limit` calls at a time; the others wait, first come, first served. A `get` counts until its stream ends or is given up: whoever reads
 * one and makes other calls meanwhile needs two. A `list` counts as well, but between two objects it lends its place to those that wait: so a
 * call may be made for each object of a list even when one connection is all there is. So do those puts that ask the storage something before they
 * give their last bytes. `close` doesn't wait.
 */
export function connections<S extends Sink>(inner: S, limit: number): WithCapabilitiesOf<S> {
  const places = new Places(limit);
  return decorate(inner, {
    async write(_call, source, options, next) {
      await places.take(options.signal);
      const lender: Lender = { lent: false };
      const mayAsk = options.kind !== undefined && ASKING.has(options.kind);
      try {
        return await next(mayAsk ? lending(source, places, lender) : source, options);
      } finally {
        places.end(lender);
      }
    },
    async *get(_call, options, next) {
      await places.take(options.signal);
      try {
        yield* next(options);
      } finally {
        places.give();
      }
    },
    async *list(_call, options, next) {
      await places.take(options.signal);
      const lender: Lender = { lent: false };
      try {
        for await (const object of next(options)) {
          places.lend(lender);
          yield object;
          await places.takeBack(lender, options.signal);
        }
      } finally {
        places.end(lender);
      }
    },
    async plain(call, options, next) {
      if (call.method === "close") return next(options);
      await places.take(options.signal);
      try {
        return await next(options);
      } finally {
        places.give();
      }
    },
  });
}

/** `source`, which lends the place of its put while it is asked for bytes. */
function lending(source: Source, places: Places, lender: Lender): Source {
  return changedSource(source, async function* (chunks, signal) {
    places.lend(lender);
    for await (const chunk of chunks) {
      await places.takeBack(lender, signal);
      yield chunk;
      places.lend(lender);
    }
    await places.takeBack(lender, signal);
  });
}
