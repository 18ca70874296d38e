import { isSinkError, type Sink, type SinkLog } from "@axon-backup/sink";
import { type Clock, systemClock } from "./clock.js";
import { decorate, type SinkCall, type WithCapabilitiesOf } from "./decorate.js";

/**
 * A line at `debug` for each call when it has ended: the object, its bytes (of a list: objects), how long it took; when it failed, the kind of
 * error. Only debug: whoever gets the error decides what it means.
 */
export function logging<S extends Sink>(
  inner: S,
  log: SinkLog,
  clock: Clock = systemClock,
): WithCapabilitiesOf<S> {
  const begin = ({ method, key }: SinkCall) => {
    const started = clock.now();
    const fields = () => ({
      call: method,
      ...(key !== undefined && { key }),
      milliseconds: Math.round(clock.now() - started),
    });
    const what = key === undefined ? method : `${method} ${key}`;
    return {
      done: (amount: Readonly<Record<string, number>> = {}) => {
        log("debug", what, Object.assign(fields(), amount));
      },
      failed: (error: unknown, amount: Readonly<Record<string, number>> = {}) => {
        const kind = isSinkError(error) ? error.kind : "other";
        const message = error instanceof Error ? error.message : String(error);
        log("debug", `${what} failed`, { ...fields(), ...amount, kind, error: message });
      },
    };
  };
  const stream = async function* <T>(
    call: SinkCall,
    items: AsyncIterable<T>,
    unit: string,
    weigh: (item: T) => number,
  ): AsyncGenerator<T, void, void> {
    const line = begin(call);
    let count = 0;
    let failure: { readonly error: unknown } | undefined;
    try {
      for await (const item of items) {
        count += weigh(item);
        yield item;
      }
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      // Also of a stream that its consumer gave up.
      if (failure) line.failed(failure.error, { [unit]: count });
      else line.done({ [unit]: count });
    }
  };
  const settle = async <T>(
    call: SinkCall,
    result: Promise<T>,
    amount?: Readonly<Record<string, number>>,
  ): Promise<T> => {
    const line = begin(call);
    try {
      const value = await result;
      line.done(amount);
      return value;
    } catch (error) {
      line.failed(error, amount);
      throw error;
    }
  };
  return decorate(inner, {
    write: (call, source, options, next) => settle(call, next(source, options), { bytes: source.size }),
    get: (call, options, next) => stream(call, next(options), "bytes", (chunk) => chunk.byteLength),
    list: (call, options, next) => stream(call, next(options), "objects", () => 1),
    plain: (call, options, next) => settle(call, next(options)),
  });
}
