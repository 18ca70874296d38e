import { isSinkError, type PutOptions, type Sink, type Source, type StoredObject } from "@axon-backup/sink";
import { attemptAgain, Attempts, type RetryOptions } from "./attempts.js";
import { changedSource, decorate, type WithCapabilitiesOf, type WriteCall } from "./decorate.js";
import { listAgain } from "./retry-list.js";
import { resumedGet } from "./retry-get.js";
import { sameContent } from "./same-content.js";

/**
 * Makes calls that failed with a `transient` error again, after a growing wait. Nothing else is repeated: a source's own error, an aborted signal and
 * every other kind end the call at once. What a second attempt means:
 *
 * - `put`: the same bytes under the same key, from the source opened anew. That the first attempt may have succeeded, and its answer was lost,
 *   changes nothing.
 * - `extend`: a failed one has kept the first bytes; the same bytes are put behind them again.
 * - `ifAbsent`, `ifUnchanged`: the first attempt may have succeeded; the second one then meets its own object, and rejects with `conflict`. So
 *   after a retry, a `conflict` counts as success if the object that stands there is, byte for byte, what was to be stored. Callers that must know
 *   that it is *theirs* (a lease) put something into it that nobody else would.
 * - `get`: goes on where it stopped, see `resumedGet`. `list`: begins again and leaves out what it has given, see `listAgain`.
 * - `delete`: absent is success. `stat`, `freeBytes`: change nothing. `removeLeftovers`: what the first attempt has removed isn't counted.
 * - `close` is never repeated.
 */
export function retry<S extends Sink>(inner: S, options: RetryOptions = {}): WithCapabilitiesOf<S> {
  const sink: WithCapabilitiesOf<S> = decorate(inner, {
    write: (call, source, given, next) => {
      const attempts = new Attempts(call, given.signal, options);
      // The comparison's own calls are repeated too: it uses the decorated sink.
      return writeAgain(sink, call, source, given, attempts, next);
    },
    get: (call, given, next) => resumedGet(next, given, new Attempts(call, given.signal, options)),
    list: (call, given, next) => listAgain(next, given, new Attempts(call, given.signal, options)),
    plain: (call, given, next) =>
      call.method === "close"
        ? next(given)
        : attemptAgain(new Attempts(call, given.signal, options), () => next(given)),
  });
  return sink;
}

async function writeAgain(
  sink: Sink,
  { method, key }: WriteCall,
  source: Source,
  options: PutOptions,
  attempts: Attempts,
  next: (source: Source, options: PutOptions) => Promise<StoredObject>,
): Promise<StoredObject> {
  const conditional = method === "ifAbsent" || method === "ifUnchanged";
  for (let repeated = false; ; repeated = true) {
    const watched = watchedSource(source);
    try {
      const stored = await next(watched.source, options);
      attempts.progressed();
      return stored;
    } catch (error) {
      if (watched.failedWith(error)) {
        attempts.progressed();
        throw error;
      }
      if (repeated && conditional && isSinkError(error, "conflict")) {
        const ours = await sameContent(sink, key, source, options.signal);
        attempts.progressed();
        if (ours === undefined) throw error;
        return ours;
      }
      await attempts.failed(error);
    }
  }
}

/** A source, and whether an error is its own: then the sink did nothing wrong, and another attempt is not its business. */
function watchedSource(source: Source): {
  readonly source: Source;
  readonly failedWith: (error: unknown) => boolean;
} {
  let failure: { readonly error: unknown } | undefined;
  const onFailure = (error: unknown): void => {
    failure = { error };
  };
  return {
    failedWith: (error) => failure !== undefined && failure.error === error,
    source: changedSource(source, (chunks, signal) => watchedChunks(chunks, signal, onFailure)),
  };
}

async function* watchedChunks(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  onFailure: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* chunks;
  } catch (error) {
    // An aborted one passes on the signal's reason, which is the sink's (a stall, for instance).
    if (signal?.aborted !== true) onFailure(error);
    throw error;
  }
}
