import { isSinkError, type ObjectKey, type StoredObject } from "@axon-backup/sink";
import type { ExclusivePuts } from "../backup/exclusive-puts.js";
import { isVanished } from "../backup/transfer.js";
import { EngineError } from "../errors.js";
import type { Lease } from "../lease/lease.js";
import { storeFileKey } from "../repository/layout.js";
import type { OpenSegment } from "../repository/manifest.js";
import { askedBeforeEnd } from "../sinks/asked-source.js";
import { withHandle } from "../with-handle.js";
import { Ended } from "./ended.js";
import type { Step } from "./plan-cycle.js";
import type { PutBudget } from "./put-budget.js";
import {
  hashBeginning,
  nothingYet,
  type RangeSource,
  rangeSource,
  type RunningHash,
} from "./range-source.js";
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
    private readonly options: Pick<FollowOptions, "watch" | "sink">,
    private readonly budget: PutBudget,
    private readonly warn: (message: string) => void,
  ) {}

  /** Whether the step may be done now: one that puts an object whole that is there already is held to the rate. */
  isAllowed(step: Step): boolean {
    return !this.#isWhole(step) || this.budget.wait() === 0;
  }

  /** Makes a copy what the segment was seen to be. @throws Ended `changed` */
  async grow(step: Step, lease: Lease, exclusive: ExclusivePuts, signal: AbortSignal): Promise<Grown> {
    try {
      return await this.#grow(step, lease, exclusive, signal);
    } catch (error) {
      if (isVanished(error)) throw new Ended("changed", `${step.target.file.path} is gone`);
      throw error;
    }
  }

  async #grow(step: Step, lease: Lease, exclusive: ExclusivePuts, signal: AbortSignal): Promise<Grown> {
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
    if (sink.extend === undefined) return undefined;
    const extend = sink.extend.bind(sink);
    return withHandle(watch.source, target.file, async (handle) => {
      const from = this.#hashes.get(key);
      this.#hashes.delete(key);
      const running =
        from?.bytes === stored.validBytes
          ? from
          : await hashBeginning(handle, target.file.path, stored, signal);
      const source = rangeSource(handle, target, { ...running, nextToken: stored.nextToken });
      try {
        const given = askedBeforeEnd(source, () => lease.held());
        const object = await extend(key, stored.validBytes, given, { signal, kind: "open-segment" });
        const sha256 = this.#confirm(key, step, object, source);
        if (sha256 !== undefined) return { step, copy: copyOf(step, sha256), bytes: source.size };
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
    const { target, stored } = step;
    return withHandle(this.options.watch.source, target.file, async (handle) => {
      const source = rangeSource(handle, target, nothingYet(target), stored);
      const object = await exclusive.replace(key, source, { signal, kind: "open-segment" });
      const sha256 = this.#confirm(key, step, object, source);
      if (sha256 !== undefined) return { step, copy: copyOf(step, sha256), bytes: source.size };
      throw new EngineError(
        "failed",
        `put ${key}: ${source.size} bytes were sent, but the sink holds something else`,
        "The storage doesn't keep what it is given. Run `axon-backup check`.",
      );
    });
  }

  /** @returns the hash of the copy; undefined if what the sink says that it holds isn't it */
  #confirm(key: ObjectKey, { target }: Step, object: StoredObject, source: RangeSource): string | undefined {
    const result = source.result();
    const sha256 = result.hash.copy().digest("hex");
    const { size, checksum } = object;
    const isRight =
      size === target.validBytes && (checksum?.algorithm !== "sha256" || checksum.value === sha256);
    if (!isRight) return undefined;
    if (!target.complete && this.options.sink.extend) this.#hashes.set(key, result);
    return sha256;
  }
}

function stateOf({ target }: Step): Omit<OpenSegment, "sha256"> {
  const { name, validBytes, length, nextToken, complete } = target;
  return { name, validBytes, length, nextToken, complete };
}

function copyOf(step: Step, sha256: string): OpenSegment {
  return { ...stateOf(step), sha256 };
}
