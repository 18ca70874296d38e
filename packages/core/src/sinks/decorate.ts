import type {
  ByteRange,
  CallOptions,
  ObjectKey,
  PutOptions,
  Sink,
  SinkMethod,
  Source,
  StoredObject,
} from "@axon-backup/sink";

/** A call, for whom it passes through. */
export interface SinkCall<
  Method extends SinkMethod = SinkMethod,
  Key extends string | undefined = string | undefined,
> {
  readonly method: Method;
  /** The object's key; of `list`, the prefix. */
  readonly key: Key;
}

export type WriteCall = SinkCall<"put" | "extend" | "ifAbsent" | "ifUnchanged", ObjectKey>;
export type GetCall = SinkCall<"get", ObjectKey>;
export type ListCall = SinkCall<"list", string>;
export type PlainCall = SinkCall<"stat" | "delete" | "removeLeftovers" | "freeBytes" | "close">;

export type GetOptions = CallOptions & { readonly range?: ByteRange };

/**
 * What a decorator does with the calls of each shape; `next` is the call to the sink inside, which may be made with other options or another
 * source, once, more often, or not at all. A shape that is left out goes straight through.
 */
export interface Interceptor {
  /** Calls that store a source's bytes. */
  readonly write?: (
    call: WriteCall,
    source: Source,
    options: PutOptions,
    next: (source: Source, options: PutOptions) => Promise<StoredObject>,
  ) => Promise<StoredObject>;
  readonly get?: (
    call: GetCall,
    options: GetOptions,
    next: (options: GetOptions) => AsyncIterable<Uint8Array>,
  ) => AsyncIterable<Uint8Array>;
  readonly list?: (
    call: ListCall,
    options: CallOptions,
    next: (options: CallOptions) => AsyncIterable<StoredObject>,
  ) => AsyncIterable<StoredObject>;
  /** Calls that take no bytes and give one answer. `close` has no options. */
  readonly plain?: <T>(
    call: PlainCall,
    options: CallOptions,
    next: (options: CallOptions) => Promise<T>,
  ) => Promise<T>;
}

/** A sink that has the optional capabilities of `S`: those that are surely there, and those that may be. */
export type WithCapabilitiesOf<S extends Sink> = Sink &
  Pick<S, keyof S & ("extend" | "extendFrom" | "conditional" | "removeLeftovers" | "freeBytes")>;

const straight: Required<Interceptor> = {
  write: (_call, source, options, next) => next(source, options),
  get: (_call, options, next) => next(options),
  list: (_call, options, next) => next(options),
  plain: (_call, options, next) => next(options),
};

/** `inner`, each call of which goes through the interceptor. Has the optional methods that `inner` has, and no others. */
export function decorate<S extends Sink>(inner: S, interceptor: Interceptor): WithCapabilitiesOf<S> {
  const { write, get, list, plain } = { ...straight, ...interceptor };
  const { ifAbsent, ifUnchanged } = inner.conditional ?? {};
  const sink: Sink = {
    put: (key, source, options = {}) =>
      write({ method: "put", key }, source, options, (given, changed) => inner.put(key, given, changed)),
    get: (key, options = {}) => get({ method: "get", key }, options, (changed) => inner.get(key, changed)),
    stat: (key, options = {}) =>
      plain({ method: "stat", key }, options, (changed) => inner.stat(key, changed)),
    list: (prefix, options = {}) =>
      list({ method: "list", key: prefix }, options, (changed) => inner.list(prefix, changed)),
    delete: (key, options = {}) =>
      plain({ method: "delete", key }, options, (changed) => inner.delete(key, changed)),
    close: () => plain({ method: "close", key: undefined }, {}, () => inner.close()),
    ...(inner.extendFrom !== undefined && { extendFrom: inner.extendFrom }),
    ...(inner.extend && {
      extend: (key, keep, source, options = {}) =>
        write({ method: "extend", key }, source, options, (given, changed) =>
          present(inner.extend?.(key, keep, given, changed)),
        ),
    }),
    ...(inner.conditional && {
      conditional: {
        ...(ifAbsent && {
          ifAbsent: (key, source, options = {}) =>
            write({ method: "ifAbsent", key }, source, options, (given, changed) =>
              ifAbsent(key, given, changed),
            ),
        }),
        ...(ifUnchanged && {
          ifUnchanged: (key, version, source, options = {}) =>
            write({ method: "ifUnchanged", key }, source, options, (given, changed) =>
              ifUnchanged(key, version, given, changed),
            ),
        }),
      },
    }),
    ...(inner.removeLeftovers && {
      removeLeftovers: ({ others, ...options } = {}) =>
        plain({ method: "removeLeftovers", key: undefined }, options, (changed) =>
          present(inner.removeLeftovers?.({ ...changed, ...(others && { others }) })),
        ),
    }),
    ...(inner.freeBytes && {
      freeBytes: (options = {}) =>
        plain({ method: "freeBytes", key: undefined }, options, (changed) =>
          present(inner.freeBytes?.(changed)),
        ),
    }),
  };
  // What is there was made from what `inner` has: the type says the same.
  return sink as WithCapabilitiesOf<S>;
}

/**
 * A source whose chunks go through `change`. That is no generator function made for the source but one for all, because there are many sources: V8 gives each such function a hidden
 * class and a prototype when it is first called (docs/performance.md).
 */
export function changedSource(
  source: Source,
  change: (chunks: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) => AsyncIterable<Uint8Array>,
): Source {
  return { size: source.size, open: (signal) => change(source.open(signal), signal) };
}

/** The result of a capability that was there when the sink was decorated. */
function present<T>(result: Promise<T> | undefined): Promise<T> {
  if (result === undefined) throw new TypeError("the decorated sink has lost a capability");
  return result;
}
