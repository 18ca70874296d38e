import {
  isSinkError,
  type Sink,
  SINK_ERROR_KINDS,
  type SinkErrorKind,
  type SinkMethod,
} from "@axon-backup/sink";
import { type Clock, systemClock } from "./clock.js";
import { changedSource, decorate, type SinkCall, type WithCapabilitiesOf } from "./decorate.js";

/** Upper bounds of the histograms' buckets, in seconds; the last bucket has none. */
export const DURATION_BOUNDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** How a call failed: a SinkError's kind; its signal was aborted; something else (a source's own error). */
export type FailureKind = SinkErrorKind | "aborted" | "other";
const FAILURE_KINDS: readonly FailureKind[] = [...SINK_ERROR_KINDS, "aborted", "other"];

/** What happened in all calls of one method. Plain data. */
export interface MethodCounts {
  /** Calls that have ended, well or not; one that was repeated counts once. */
  readonly calls: number;
  /** How often a call was made again. */
  readonly retries: number;
  readonly errors: Readonly<Record<FailureKind, number>>;
  readonly duration: {
    /** Seconds, of all calls together, with their retries. */
    readonly sum: number;
    /** Calls by duration: one entry more than `DURATION_BOUNDS`, each for what is above the bound before it and up to its own. */
    readonly buckets: readonly number[];
  };
}

/** What a sink did so far. Plain data, ready to become JSON or metrics. */
export interface SinkCounts {
  /** Methods that were called. */
  readonly methods: Readonly<Partial<Record<SinkMethod, MethodCounts>>>;
  /** Bytes that the sink took of sources; those that were sent again count again. */
  readonly bytesUp: number;
  /** Bytes that it gave. */
  readonly bytesDown: number;
}

interface Tally {
  calls: number;
  retries: number;
  readonly errors: Record<FailureKind, number>;
  seconds: number;
  readonly buckets: number[];
}

/** Counts what goes through the sinks that it is given to: one sink, or one after the other. */
export class SinkCounters {
  readonly #methods = new Map<SinkMethod, Tally>();
  #up = 0;
  #down = 0;

  /** A copy of the counts, as they are now. */
  snapshot(): SinkCounts {
    const methods: Partial<Record<SinkMethod, MethodCounts>> = {};
    for (const [method, { calls, retries, errors, seconds, buckets }] of this.#methods)
      methods[method] = {
        calls,
        retries,
        errors: { ...errors },
        duration: { sum: seconds, buckets: [...buckets] },
      };
    return { methods, bytesUp: this.#up, bytesDown: this.#down };
  }

  retried(method: SinkMethod): void {
    this.#tally(method).retries++;
  }

  sent(bytes: number): void {
    this.#up += bytes;
  }

  received(bytes: number): void {
    this.#down += bytes;
  }

  /** @param failure undefined for a call that ended well */
  ended(method: SinkMethod, seconds: number, failure: FailureKind | undefined): void {
    const tally = this.#tally(method);
    tally.calls++;
    tally.seconds += seconds;
    if (failure !== undefined) tally.errors[failure]++;
    const found = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
    const bucket = found === -1 ? DURATION_BOUNDS.length : found;
    tally.buckets[bucket] = (tally.buckets[bucket] ?? 0) + 1;
  }

  #tally(method: SinkMethod): Tally {
    const known = this.#methods.get(method);
    if (known) return known;
    const errors = Object.fromEntries(FAILURE_KINDS.map((kind) => [kind, 0])) as Record<FailureKind, number>;
    const buckets = Array.from({ length: DURATION_BOUNDS.length + 1 }, () => 0);
    const tally: Tally = { calls: 0, retries: 0, errors, seconds: 0, buckets };
    this.#methods.set(method, tally);
    return tally;
  }
}

/** Counts calls, bytes, failures and durations. Retries are told to the counters by whoever makes them. */
export function counting<S extends Sink>(
  inner: S,
  counters: SinkCounters,
  clock: Clock = systemClock,
): WithCapabilitiesOf<S> {
  const begin = ({ method }: SinkCall, signal: AbortSignal | undefined) => {
    const started = clock.now();
    return (failure?: { readonly error: unknown }): void => {
      const kind = failure && failureKind(failure.error, signal);
      counters.ended(method, (clock.now() - started) / 1000, kind);
    };
  };
  const settle = async <T>(
    call: SinkCall,
    signal: AbortSignal | undefined,
    result: () => Promise<T>,
  ): Promise<T> => {
    const end = begin(call, signal);
    try {
      const value = await result();
      end();
      return value;
    } catch (error) {
      end({ error });
      throw error;
    }
  };
  const stream = async function* <T>(
    call: SinkCall,
    signal: AbortSignal | undefined,
    items: AsyncIterable<T>,
    onItem?: (item: T) => void,
  ): AsyncGenerator<T, void, void> {
    const end = begin(call, signal);
    let failure: { readonly error: unknown } | undefined;
    try {
      for await (const item of items) {
        onItem?.(item);
        yield item;
      }
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      end(failure);
    }
  };
  return decorate(inner, {
    write: (call, source, options, next) => {
      const counted = changedSource(source, (chunks) => countSent(chunks, counters));
      return settle(call, options.signal, () => next(counted, options));
    },
    get: (call, options, next) =>
      stream(call, options.signal, next(options), (chunk) => {
        counters.received(chunk.byteLength);
      }),
    list: (call, options, next) => stream(call, options.signal, next(options)),
    plain: (call, options, next) => settle(call, options.signal, () => next(options)),
  });
}

async function* countSent(
  chunks: AsyncIterable<Uint8Array>,
  counters: SinkCounters,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) {
    counters.sent(chunk.byteLength);
    yield chunk;
  }
}

function failureKind(error: unknown, signal: AbortSignal | undefined): FailureKind {
  if (signal?.aborted === true && error === signal.reason) return "aborted";
  return isSinkError(error) ? error.kind : "other";
}
