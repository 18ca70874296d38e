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
import type { Sink } from "@axon-backup/sink";
import {
  type Capability,
  type ContractCase,
  hasCapability,
  type HarnessOptions,
  runCase,
} from "./contract-case.js";

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

/**
 * Runs cases one after another, the short form if none are given, and tells how each went. Everything happens below `options.prefix`
 * and is removed again. Rejects only with the signal's reason, between cases.
 */
export async function* runContract(
  sink: Sink,
  options: HarnessOptions & {
    readonly cases?: readonly ContractCase[] | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): AsyncGenerator<CaseResult, void, void> {
  for (const test of options.cases ?? shortContractCases) {
    options.signal?.throwIfAborted();
    const { needs } = test;
    const there =
      needs === undefined || (needs === "reopen" ? options.reopen !== undefined : hasCapability(sink, needs));
    if (!there) yield { case: test, outcome: "left-out", capability: needs };
    else yield await runOne(test, sink, options);
  }
}

async function runOne(test: ContractCase, sink: Sink, options: HarnessOptions): Promise<CaseResult> {
  try {
    await runCase(test, sink, options);
    return { case: test, outcome: "passed" };
  } catch (error) {
    return { case: test, outcome: "failed", error };
  }
}
