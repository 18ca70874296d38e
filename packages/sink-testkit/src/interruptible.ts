import type { CallOptions, Sink } from "@axon-backup/sink";

/** `inner`, with every call ended by `signal` too, besides the signal that the caller may give. `close` isn't. */
export function interruptible(inner: Sink, signal: AbortSignal): Sink {
  const both = (options: CallOptions = {}): { signal: AbortSignal } => ({
    ...options,
    signal: options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]),
  });
  const { conditional } = inner;
  return {
    put: (key, source, options) => inner.put(key, source, both(options)),
    get: (key, options) => inner.get(key, both(options)),
    stat: (key, options) => inner.stat(key, both(options)),
    list: (prefix, options) => inner.list(prefix, both(options)),
    delete: (key, options) => inner.delete(key, both(options)),
    close: () => inner.close(),
    ...(inner.extendFrom !== undefined && { extendFrom: inner.extendFrom }),
    ...(inner.extend && {
      extend: (key, keep, source, options) => present(inner.extend?.(key, keep, source, both(options))),
    }),
    ...(conditional && {
      conditional: {
        ...(conditional.ifAbsent && {
          ifAbsent: (key, source, options) => present(conditional.ifAbsent?.(key, source, both(options))),
        }),
        ...(conditional.ifUnchanged && {
          ifUnchanged: (key, version, source, options) =>
            present(conditional.ifUnchanged?.(key, version, source, both(options))),
        }),
      },
    }),
    ...(inner.removeLeftovers && {
      removeLeftovers: (options) => present(inner.removeLeftovers?.(both(options))),
    }),
    ...(inner.freeBytes && { freeBytes: (options) => present(inner.freeBytes?.(both(options))) }),
  };
}

/** A capability that was there when the sink was wrapped. */
function present<T>(result: Promise<T> | undefined): Promise<T> {
  if (result === undefined) throw new TypeError("the wrapped sink has lost a capability");
  return result;
}
