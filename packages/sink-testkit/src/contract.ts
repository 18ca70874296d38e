import { setMaxListeners } from "node:events";
import type { Sink } from "@axon-backup/sink";
import { atomicCases } from "./cases/atomic.js";
import { conditionalCases } from "./cases/conditional.js";
import { connectionCases } from "./cases/connections.js";
import { deleteCases } from "./cases/delete.js";
import { extendCases } from "./cases/extend.js";
import { keyCases } from "./cases/keys.js";
import { listCases } from "./cases/list.js";
import { maintenanceCases } from "./cases/maintenance.js";
import { putCases } from "./cases/put.js";
import { rangeCases } from "./cases/range.js";

import {
  type Capability,
  type ContractCase,
  hasCapability,
  type HarnessOptions,
  runCase,
} from "./contract-case.js";
import { interruptible } from "./interruptible.js";

/** The whole contract of `@axon-backup/sink`, as cases. */
export const contractCases: readonly ContractCase[] = [
  ...putCases,
  ...rangeCases,
  ...atomicCases,
  ...deleteCases,
  ...listCases,
  ...keyCases,
  ...connectionCases,
  ...extendCases,
  ...conditionalCases,
  ...maintenanceCases,
];

/** The short form: for a user's real storage. */
export const shortContractCases: readonly ContractCase[] = contractCases.filter(({ short }) => short);

/** How a case went. */
export type CaseResult =
  | { readonly case: ContractCase; readonly outcome: "passed" }
  | { readonly case: ContractCase; readonly outcome: "failed"; readonly error: unknown }
  /** The sink (or the caller, for `reopen`) doesn't have what the case needs, which is its right. */
  | { readonly case: ContractCase; readonly outcome: "left-out"; readonly capability: Capability };

/** Milliseconds that cases which run get to notice that the signal is aborted. */
const GRACE = 5000;

/** Options of `runContract`. */
export interface RunContractOptions extends HarnessOptions {
  /** Default: the short form. */
  readonly cases?: readonly ContractCase[] | undefined;
  /** How many cases run at a time, each below a prefix of its own. Default 1. */
  readonly concurrency?: number | undefined;
  /** Ends it, in the middle of a case too: what that case stored stays, for the caller to remove. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs cases, the short form if none are given, and tells how each went, as they end. Everything happens below `options.prefix`
 * and is removed again. Rejects only with the signal's reason.
 */
export async function* runContract(
  sink: Sink,
  options: RunContractOptions = {},
): AsyncGenerator<CaseResult, void, void> {
  const { cases = shortContractCases, concurrency = 1, reopen } = options;
  options.signal?.throwIfAborted();
  using aborted = follow(options.signal);
  const { signal } = aborted;
  const bound = interruptible(sink, signal);
  const harness: HarnessOptions =
    reopen === undefined
      ? options
      : { ...options, reopen: async () => interruptible(await reopen(), signal) };
  const running = new Map<ContractCase, Promise<CaseResult>>();
  const waiting = cases.toReversed();
  try {
    for (;;) {
      for (let test; running.size < concurrency && (test = waiting.pop());)
        running.set(test, runOne(test, bound, harness));
      if (running.size === 0) return;
      const result = await Promise.race([...running.values(), aborted.promise]);
      signal.throwIfAborted();
      running.delete(result.case);
      yield result;
      signal.throwIfAborted();
    }
  } finally {
    if (signal.aborted) await settled([...running.values()]);
  }
}

/** A signal of our own that follows another, and a promise that rejects with its reason. */
function follow(
  leader: AbortSignal | undefined,
): Disposable & { readonly signal: AbortSignal; readonly promise: Promise<never> } {
  const controller = new AbortController();
  const { signal } = controller;
  // Cases make many calls at once, and each listens.
  setMaxListeners(0, signal);
  let listener: (() => void) | undefined;
  const promise = new Promise<never>((_, reject) => {
    listener = () => {
      controller.abort(leader?.reason);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a signal's reason is whatever its owner gave
      reject(leader?.reason);
    };
    leader?.addEventListener("abort", listener, { once: true });
  });
  // Nobody may be waiting when it comes.
  promise.catch(() => undefined);
  return {
    signal,
    promise,
    [Symbol.dispose]() {
      if (listener) leader?.removeEventListener("abort", listener);
    },
  };
}

async function settled(running: readonly Promise<CaseResult>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, GRACE)));
  await Promise.race([Promise.all(running), late]);
  clearTimeout(timer);
}

async function runOne(test: ContractCase, sink: Sink, options: HarnessOptions): Promise<CaseResult> {
  const { needs } = test;
  const there =
    needs === undefined || (needs === "reopen" ? options.reopen !== undefined : hasCapability(sink, needs));
  if (!there) return { case: test, outcome: "left-out", capability: needs };
  try {
    await runCase(test, sink, options);
    return { case: test, outcome: "passed" };
  } catch (error) {
    return { case: test, outcome: "failed", error };
  }
}
