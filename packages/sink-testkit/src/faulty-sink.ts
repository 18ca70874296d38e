import type { ObjectKey, Sink, SinkMethod } from "@axon-backup/sink";
import { applyToRead, applyToWrite, failure, type Fault, hang } from "./faults.js";

/** Faults by method: each call takes the first of its method's queue. A call whose queue is empty goes through. */
export type FaultScript = Readonly<Partial<Record<SinkMethod, readonly Fault[]>>>;

export interface FaultyOptions {
  /** Called, and waited for, before each call (for get and list: at their first step). What it throws, the call rejects with. */
  readonly onCall?: (method: SinkMethod, key: ObjectKey | string | undefined) => void | Promise<void>;
}

/** A sink with scripted failures. */
export interface FaultySink extends Sink {
  /** Appends faults to a method's queue. */
  readonly script: (method: SinkMethod, ...faults: readonly Fault[]) => void;
  /** Faults that no call has met yet. */
  readonly remaining: () => number;
}

/** Wraps `inner` with failures. Has the capabilities that `inner` has. */
export function faultySink(
  inner: Sink,
  script: FaultScript = {},
  { onCall }: FaultyOptions = {},
): FaultySink {
  const queues = new Map<string, Fault[]>(
    Object.entries(script).map(([method, faults]) => [method, [...faults]]),
  );
  const call = async (method: SinkMethod, key?: string): Promise<Fault> => {
    const fault = queues.get(method)?.shift() ?? { kind: "pass" };
    await onCall?.(method, key);
    return fault;
  };
  /** A call that takes no bytes and gives none. */
  const plain = async <T>(
    method: SinkMethod,
    key: string | undefined,
    signal: AbortSignal | undefined,
    run: () => Promise<T>,
  ): Promise<T> => {
    const fault = await call(method, key);
    if (fault.kind === "hang") return hang(signal);
    if (fault.kind === "fail" || fault.kind === "fail-after") throw failure(fault.error, method);
    const result = await run();
    if (fault.kind === "fail-after-effect") throw failure(fault.error, method);
    return result;
  };
  const { ifAbsent, ifUnchanged } = inner.conditional ?? {};
  return {
    script: (method, ...faults) => {
      queues.set(method, [...(queues.get(method) ?? []), ...faults]);
    },
    remaining: () => [...queues.values()].reduce((sum, queue) => sum + queue.length, 0),
    put: async (key, source, options) =>
      applyToWrite(await call("put", key), "put", source, options, (given) => inner.put(key, given, options)),
    get: (key, options) =>
      applyToRead(
        () => call("get", key),
        "get",
        options,
        () => inner.get(key, options),
        { weight: (chunk) => chunk.byteLength, offset: options?.range?.offset ?? 0 },
      ),
    list: (prefix, options) =>
      applyToRead(
        () => call("list", prefix),
        "list",
        options,
        () => inner.list(prefix, options),
        { weight: () => 1, offset: 0 },
      ),
    stat: (key, options) => plain("stat", key, options?.signal, () => inner.stat(key, options)),
    delete: (key, options) => plain("delete", key, options?.signal, () => inner.delete(key, options)),
    close: () => plain("close", undefined, undefined, () => inner.close()),
    ...(inner.extendFrom !== undefined && { extendFrom: inner.extendFrom }),
    ...(inner.extend && {
      extend: async (key, keep, source, options) =>
        applyToWrite(await call("extend", key), "extend", source, options, (given) =>
          present(inner.extend?.(key, keep, given, options)),
        ),
    }),
    ...(inner.conditional && {
      conditional: {
        ...(ifAbsent && {
          ifAbsent: async (key, source, options) =>
            applyToWrite(await call("ifAbsent", key), "ifAbsent", source, options, (given) =>
              ifAbsent(key, given, options),
            ),
        }),
        ...(ifUnchanged && {
          ifUnchanged: async (key, version, source, options) =>
            applyToWrite(await call("ifUnchanged", key), "ifUnchanged", source, options, (given) =>
              ifUnchanged(key, version, given, options),
            ),
        }),
      },
    }),
    ...(inner.removeLeftovers && {
      removeLeftovers: (options) =>
        plain("removeLeftovers", undefined, options?.signal, () => present(inner.removeLeftovers?.(options))),
    }),
    ...(inner.freeBytes && {
      freeBytes: (options) =>
        plain("freeBytes", undefined, options?.signal, () => present(inner.freeBytes?.(options))),
    }),
  };
}

/** A capability that was there when the sink was wrapped. */
function present<T>(result: Promise<T> | undefined): Promise<T> {
  if (result === undefined) throw new TypeError("the wrapped sink has lost a capability");
  return result;
}
