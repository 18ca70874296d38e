import type { Source } from "@axon-backup/sink";
import { changedSource } from "./decorate.js";

/**
 * `source`, whose last bytes are given only when `ask` resolves: what it rejects with is the source's own error, so that the put rejects with it and nothing is stored. A sink
 * has done all it can do before it has these bytes: this is as late as one can ask.
 */
export function askedBeforeEnd(source: Source, ask: () => Promise<void>): Source {
  return changedSource(source, async function* (chunks, signal) {
    let given = 0;
    if (source.size === 0) await ask();
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      given += chunk.byteLength;
      if (given === source.size) await ask();
      yield chunk;
    }
  });
}
