import { isSinkError, type ObjectKey } from "@axon-backup/sink";
import type { ExclusivePuts } from "../backup/exclusive-puts.js";
import { Transfer } from "../backup/transfer.js";
import { EngineError } from "../errors.js";
import type { Lease } from "../lease/lease.js";
import { ignoreEvents } from "../observer.js";
import { storeFileKey } from "../repository/layout.js";
import type { OpenSegment } from "../repository/manifest.js";
import { askedBeforeEnd } from "../sinks/asked-source.js";
import { withHandle } from "../with-handle.js";
import { Ended } from "./ended.js";
import type { Step } from "./plan-cycle.js";
import type { PutBudget } from "./put-budget.js";
import { hashBeginning, rangeSource, type RunningHash } from "./range-source.js";
import type { FollowOptions } from "./types.js";

/** A copy that has grown. */
export interface Grown {
  readonly step: Step;
  readonly copy: OpenSegment;
  /** Bytes sent for it. */
  readonly bytes: number;
}

/** The copies of open segments on one sink, and how they grow: by what is new where the sink can do that, else whole. */
export class Copies {
  /** Hashes of copies, to be gone on with. */
  readonly #hashes = new Map<ObjectKey, RunningHash>();

  constructor(
    private readonly options: Pick<FollowOptions, "watch" | "sink" | "name">,
    private readonly budget: PutBudget,
    private readonly warn: (message: string) => void,
  ) {}

  /** Whether the step may be done now: one that puts an object whole that is there already is held to the rate. */
  isAllowed(step: Step): boolean {
    return !this.#isWhole(step) || this.budget.wait() === 0;
  }

  /** Forgets copies that nothing will be added to. */
  forget(key: ObjectKey): void {
    this.#hashes.delete(key);
  }

  /** Makes a copy what the segment was seen to be. @throws Ended `changed` */
  async grow(step: Step, lease: Lease, exclusive: ExclusivePuts, signal: AbortSignal): Promise<Grown> {
    const key = storeFileKey(step.context, step.timeline, step.store, step.target.name);
    await lease.held();
    const isWhole = this.#isWhole(step);
    const { stored } = step;
    if (stored !== undefined && !isWhole) {
      const extended = await this.#extend(key, { ...step, stored }, lease, signal);
      if (extended) return extended;
    }
    if (isWhole || stored !== undefined) this.budget.spend(1);
    return this.#put(key, step, exclusive, signal);
  }

  /** Whether the copy is put whole though a part of it is there: it can't be extended, or that is no cheaper. */
  #isWhole({ stored }: Step): boolean {
    const { sink } = this.options;
    if (sink.extend === undefined) return true;
    const { extendFrom = 0 } = sink;
    return stored !== undefined && stored.validBytes < extendFrom;
  }

  /** @returns undefined when the object has to be put whole: nobody knows for sure what it is now */
  async #extend(
    key: ObjectKey,
    step: Step & { readonly stored: OpenSegment },
    lease: Lease,
    signal: AbortSignal,
  ): Promise<Grown | undefined> {
    const { sink, watch } = this.options;
    const { target, stored } = step;
    return withHandle(watch.source, target.file, async (handle) => {
      const from = this.#hashes.get(key);
      this.#hashes.delete(key);
      const running =
        from?.bytes === stored.validBytes
          ? from
          : await hashBeginning(handle, target.file.path, stored, signal);
      const source = rangeSource(handle, target, { ...running, nextToken: stored.nextToken });
      try {
        const object = await sink.extend?.(
          key,
          stored.validBytes,
          askedBeforeEnd(source, () => lease.held()),
          { signal, kind: "open-segment" },
        );
        const result = source.result();
        const sha256 = result.hash.copy().digest("hex");
        const isRight =
          object?.size === target.validBytes &&
          (object.checksum?.algorithm !== "sha256" || object.checksum.value === sha256);
        if (isRight) {
          if (!target.complete) this.#hashes.set(key, result);
          return { step, copy: copyOf(step, sha256), bytes: source.size };
        }
        this.warn(
          `extend ${key}: ${target.validBytes} bytes should be there, and the sink holds something else; it is put whole`,
        );
      } catch (error) {
        signal.throwIfAborted();
        if (!isSinkError(error) || error.kind === "denied" || error.kind === "full") throw error;
        this.warn(`extend ${key}: ${error.message}; it is put whole`);
      }
      return undefined;
    });
  }

  async #put(key: ObjectKey, step: Step, exclusive: ExclusivePuts, signal: AbortSignal): Promise<Grown> {
    const { sink, watch, name } = this.options;
    const { target, stored } = step;
    const transfer = new Transfer(watch.source, sink, exclusive, name, ignoreEvents, 1);
    try {
      const captured = { file: target.file, state: stateOf(step), previous: stored };
      const copy = await transfer.openSegment(key, captured, signal);
      return { step, copy, bytes: target.validBytes };
    } catch (error) {
      if (error instanceof EngineError && error.kind === "diverged")
        throw new Ended("changed", error.message);
      throw error;
    }
  }
}

function stateOf({ target }: Step): Omit<OpenSegment, "sha256"> {
  const { name, validBytes, length, nextToken, complete } = target;
  return { name, validBytes, length, nextToken, complete };
}

function copyOf(step: Step, sha256: string): OpenSegment {
  return { ...stateOf(step), sha256 };
}
