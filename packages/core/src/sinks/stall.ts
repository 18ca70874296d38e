import type { Sink } from "@axon-backup/sink";
import { type Clock, systemClock } from "./clock.js";
import { type SinkCall, changedSource, decorate, type WithCapabilitiesOf } from "./decorate.js";
import { Supervisor } from "./supervisor.js";

/** Removing leftovers looks through all of a storage, and may tell nothing meanwhile. */
const LEFTOVERS_FACTOR = 10;

/**
 * Ends calls in which nothing moves for `limit` milliseconds, with a SinkError `transient`. Only the storage's time counts: not that of a source
 * that gives nothing, nor that of a consumer who is slow to take what a `get` or `list` gives.
 *
 * What moves: chunks that the sink takes of a source or gives to a consumer, objects of a list, and what the sink itself tells by `onProgress`. Calls
 * that give one answer have the whole time for it; `removeLeftovers` ten times as much.
 *
 * A stalled call is aborted through its signal, and has some seconds to end: only one that takes no notice is given up while it may still
 * be at work, so that no second attempt runs beside the first.
 */
export function stallTimeout<S extends Sink>(
  inner: S,
  limit: number,
  clock: Clock = systemClock,
): WithCapabilitiesOf<S> {
  const stream = async function* <T, O extends Options>(
    call: SinkCall,
    options: O,
    next: (options: O) => AsyncIterable<T>,
    weigh: (item: T) => number,
    unit: string,
  ): AsyncGenerator<T, void, void> {
    let count = 0;
    const supervisor = new Supervisor(limit, clock, options.signal, () =>
      stallText(call, limit, `after ${count} ${unit}`),
    );
    const iterator = next(watched(options, supervisor))[Symbol.asyncIterator]();
    let finished = false;
    try {
      for (;;) {
        const step = await supervisor.step(iterator.next());
        if (step.done === true) break;
        count += weigh(step.value);
        yield step.value;
      }
      finished = true;
    } catch (error) {
      // A stream that failed has released what it held. One that hangs can't be told, and is left alone.
      finished = true;
      throw error;
    } finally {
      try {
        if (!finished && iterator.return) await supervisor.step(Promise.resolve(iterator.return()));
      } finally {
        supervisor.end();
      }
    }
  };

  return decorate(inner, {
    async write(call, source, options, next) {
      const taken = { bytes: 0 };
      const supervisor = new Supervisor(limit, clock, options.signal, () =>
        stallText(call, limit, `after ${taken.bytes} of ${source.size} bytes`),
      );
      const counted = changedSource(source, (chunks) => watchTaken(chunks, supervisor, taken));
      try {
        return await supervisor.step(next(counted, watched(options, supervisor)));
      } finally {
        supervisor.end();
      }
    },
    get: (call, options, next) => stream(call, options, next, (chunk) => chunk.byteLength, "bytes"),
    list: (call, options, next) => stream(call, options, next, () => 1, "objects"),
    async plain(call, options, next) {
      const time = call.method === "removeLeftovers" ? limit * LEFTOVERS_FACTOR : limit;
      const supervisor = new Supervisor(time, clock, options.signal, () => stallText(call, time));
      try {
        return await supervisor.step(next(watched(options, supervisor)));
      } finally {
        supervisor.end();
      }
    },
  });
}

/** The chunks; while the source is asked for one, time doesn't count. */
async function* watchTaken(
  chunks: AsyncIterable<Uint8Array>,
  supervisor: Supervisor,
  taken: { bytes: number },
): AsyncGenerator<Uint8Array, void, void> {
  taken.bytes = 0;
  supervisor.paused();
  try {
    for await (const chunk of chunks) {
      supervisor.moved();
      yield chunk;
      taken.bytes += chunk.byteLength;
      supervisor.paused();
    }
  } finally {
    supervisor.moved();
  }
}

interface Options {
  readonly signal?: AbortSignal;
  readonly onProgress?: () => void;
}

/** The options with the supervisor's signal, and with progress told to it. */
function watched<O extends Options>(options: O, supervisor: Supervisor): O {
  const { onProgress } = options;
  // Not `{ ...options, … }`: of tens of thousands of calls, each object would have a hidden class of its own (docs/performance.md).
  return Object.assign({}, options, {
    signal: supervisor.signal,
    onProgress: () => {
      supervisor.moved();
      onProgress?.();
    },
  });
}

function stallText({ method }: SinkCall, limit: number, where?: string): string {
  const what = where === undefined ? "no answer" : "nothing moved";
  return `${method} stalled: ${what} for ${limit / 1000} s${where === undefined ? "" : `, ${where}`}`;
}
