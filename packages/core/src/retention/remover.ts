import { isSinkError, type Sink } from "@axon-backup/sink";
import { mapConcurrent } from "../concurrency.js";
import type { Lease } from "../lease/lease.js";
import type { Observer } from "../observer.js";
import type { Candidate } from "./plan.js";
import type { FailedRemoval } from "./types.js";

/** How many objects are removed before the lease is looked at again. */
const BATCH = 256;
/** Milliseconds after which it is looked at before the next removal, however few there were: the process may have stood still. */
const FRESH = 5000;
/** After so many refusals, and nothing else, the rest isn't tried. */
const REFUSALS = 20;

export interface RemoverTools {
  readonly sink: Sink;
  readonly name: string;
  readonly lease: Pick<Lease, "confirm" | "signal">;
  readonly atOnce: number;
  readonly observer: Observer;
}

/** Removes objects, as long as this is the only writer. Goes on after what the storage refuses. */
export class Remover {
  readonly removed: Candidate[] = [];
  readonly failed: FailedRemoval[] = [];
  notTried = 0;
  #confirmed: { readonly monotonic: number; readonly wall: number } | undefined;
  #confirming: Promise<void> | undefined;

  constructor(private readonly tools: RemoverTools) {}

  /** @throws EngineError `locked` when the lease is lost; the storage's error, unless it is a refusal of this one object */
  async remove(candidates: readonly Candidate[]): Promise<void> {
    for (let at = 0; at < candidates.length; at += BATCH) {
      this.#confirmed = undefined;
      const batch = candidates.slice(at, at + BATCH);
      await mapConcurrent(batch, this.tools.atOnce, this.tools.lease.signal, (candidate, signal) =>
        this.#removeOne(candidate, signal),
      );
    }
  }

  async #removeOne(candidate: Candidate, signal: AbortSignal): Promise<void> {
    if (this.removed.length === 0 && this.failed.length >= REFUSALS) {
      this.notTried++;
      return;
    }
    await this.#confirm();
    try {
      await this.tools.sink.delete(candidate.key, { signal });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.failed.push({ ...candidate, error });
      return;
    }
    this.removed.push(candidate);
    const { key, bytes } = candidate;
    this.tools.observer({ kind: "object", sink: this.tools.name, key, bytes, what: "removed" });
  }

  /** Asks once for all that wait. A machine that was suspended shows it in the one clock, a process that was stopped in both. */
  async #confirm(): Promise<void> {
    const { monotonic, wall } = this.#confirmed ?? { monotonic: -Infinity, wall: -Infinity };
    const passed = Math.max(performance.now() - monotonic, Math.abs(Date.now() - wall));
    if (passed < FRESH) return;
    this.#confirming ??= this.#ask();
    await this.#confirming;
  }

  async #ask(): Promise<void> {
    // From before the question: the answer may be as old.
    const confirmed = { monotonic: performance.now(), wall: Date.now() };
    try {
      await this.tools.lease.confirm();
      this.#confirmed = confirmed;
    } finally {
      this.#confirming = undefined;
    }
  }
}

/** Whether the storage doesn't let this object go: a right that is missing, a lock on the object, something else in its place. */
function isRefusal(error: unknown): error is Error {
  return isSinkError(error, "denied") || isSinkError(error, "invalid") || isSinkError(error, "conflict");
}
