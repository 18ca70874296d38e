import { type SourceHandle, STORE_KINDS } from "@axon-backup/axon-server";
import { isSinkError, type ObjectKey, type StoredObject } from "@axon-backup/sink";
import type { ExclusivePuts } from "../backup/exclusive-puts.js";
import { isVanished } from "../backup/transfer.js";
import { mapConcurrent } from "../concurrency.js";
import { EngineError } from "../errors.js";
import type { Lease } from "../lease/lease.js";
import { PIECES, storeFileKey } from "../repository/layout.js";
import type { OpenSegment } from "../repository/manifest.js";
import { pieceKey, pieceOf, piecesOf } from "../repository/pieces.js";
import { askedBeforeEnd } from "../sinks/asked-source.js";
import { withHandle } from "../with-handle.js";
import { Ended } from "./ended.js";
import type { FollowedContext, Step } from "./plan-cycle.js";
import type { PutBudget } from "./put-budget.js";
import {
  hashBeginning,
  nothingYet,
  type RangeSource,
  rangeSource,
  type RunningHash,
} from "./range-source.js";
import type { FollowOptions } from "./types.js";
import { SMALL_COPY, type Way, wayOf } from "./way.js";

/** A copy that has grown. */
export interface Grown {
  readonly step: Step;
  readonly copy: OpenSegment;
  /** Bytes sent for it. */
  readonly bytes: number;
}

/** Pieces that are removed after a cycle, at most: new events don't wait for more. */
const REMOVED_AT_ONCE = 8;

/** The copies of open segments on one sink, and how they grow: by what is new, added to the copy or as an object of its own, or whole. */
export class Copies {
  /** Hashes of copies, to be gone on with. */
  readonly #hashes = new Map<ObjectKey, RunningHash>();
  /** Copies that are known to be on the sink as they are recorded: they were put, or looked at. */
  readonly #certain = new Set<ObjectKey>();
  /** Pieces whose copy was put whole since. */
  readonly #obsolete: ObjectKey[] = [];

  constructor(
    private readonly options: Pick<FollowOptions, "watch" | "sink">,
    private readonly budget: PutBudget,
    private readonly warn: (message: string) => void,
  ) {}

  /** Whether the step may be done now: one that puts a large object whole that is there already is held to the rate. */
  isAllowed(step: Step): boolean {
    return this.#wayOf(step) !== "wait";
  }

  /**
   * Looks which pieces there are. A copy of which one is gone is put whole as soon as it grows; what the head doesn't need, a session that was cut off has left, and it goes. Call it when the lease was taken: without
   * it, others may have done what they want.
   */
  async lookAtPieces(contexts: readonly FollowedContext[], lease: Lease): Promise<void> {
    const { sink } = this.options;
    const { signal } = lease;
    if (sink.extend !== undefined && (sink.extendFrom ?? 0) === 0) return;
    const left = new Map<ObjectKey, number>();
    for await (const { key, size } of sink.list(PIECES, { signal })) if (pieceOf(key)) left.set(key, size);
    for (const { name, timeline, ...stores } of contexts)
      for (const store of STORE_KINDS)
        for (const segment of stores[store].open) {
          const copy = storeFileKey(name, timeline, store, segment.name);
          for (const { key, size } of piecesOf(copy, segment)) {
            if (left.get(key) !== size) this.#certain.delete(copy);
            left.delete(key);
          }
        }
    await lease.held();
    await mapConcurrent([...left.keys()], REMOVED_AT_ONCE, signal, (key, inner) =>
      sink.delete(key, { signal: inner }),
    );
  }

  /** Removes pieces that the head doesn't need any more, some at a time. Call it when the head is written. */
  async removeObsolete(lease: Lease): Promise<void> {
    const { sink } = this.options;
    if (this.#obsolete.length === 0) return;
    await lease.held();
    const keys = this.#obsolete.splice(0, REMOVED_AT_ONCE);
    await Promise.all(keys.map((key) => sink.delete(key, { signal: lease.signal })));
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
    const key = keyOf(step);
    await lease.held();
    const { stored, target } = step;
    const way = this.#wayOf(step);
    if (stored !== undefined && way !== "whole") {
      const known = { ...step, stored };
      const grown =
        way === "extend"
          ? await this.#extend(key, known, lease, signal)
          : await this.#addPiece(key, known, exclusive, signal);
      if (grown) return grown;
    }
    if (stored !== undefined && target.validBytes > SMALL_COPY) this.budget.spend(1);
    return this.#put(key, step, exclusive, signal);
  }

  #wayOf(step: Step): Way {
    const isCertain = this.#certain.has(keyOf(step));
    return wayOf(step, this.options.sink, { mayPut: this.budget.wait() === 0, isCertain });
  }

  /** @returns undefined when the copy isn't as it is recorded */
  async #addPiece(
    key: ObjectKey,
    step: Step & { readonly stored: OpenSegment },
    exclusive: ExclusivePuts,
    signal: AbortSignal,
  ): Promise<Grown | undefined> {
    const { stored, target } = step;
    if (!(await this.#isThere(key, stored, signal))) return undefined;
    return withHandle(this.options.watch.source, target.file, async (handle) => {
      const source = await this.#newBytes(key, handle, step, signal);
      const piece = pieceKey(key, stored.validBytes);
      const object = await putPiece(piece, source, exclusive, signal);
      if (object.size !== source.size) throw lost(piece, source);
      const result = source.result();
      if (!target.complete) this.#hashes.set(key, result);
      const pieces = [...(stored.pieces ?? []), stored.validBytes];
      const sha256 = result.hash.copy().digest("hex");
      return { step, copy: { ...copyOf(step, sha256), pieces }, bytes: source.size };
    });
  }

  /** Whether the copy has what is recorded of it. Asked once: its first piece would be in vain otherwise. */
  async #isThere(key: ObjectKey, { validBytes }: OpenSegment, signal: AbortSignal): Promise<boolean> {
    if (this.#certain.has(key)) return true;
    let size: number | undefined;
    try {
      ({ size } = await this.options.sink.stat(key, { signal }));
    } catch (error) {
      if (!isSinkError(error, "not-found")) throw error;
    }
    if (size !== undefined && size >= validBytes) {
      this.#certain.add(key);
      return true;
    }
    this.warn(`${key} has ${size ?? "no"} bytes, and ${validBytes} were stored; it is put whole`);
    return false;
  }

  /** What the copy doesn't have yet, and the hash that goes on. @throws Ended `changed` when the file has another beginning */
  async #newBytes(
    key: ObjectKey,
    handle: SourceHandle,
    { target, stored }: Step & { readonly stored: OpenSegment },
    signal: AbortSignal,
  ): Promise<RangeSource> {
    const from = this.#hashes.get(key);
    this.#hashes.delete(key);
    const running =
      from?.bytes === stored.validBytes
        ? from
        : await hashBeginning(handle, target.file.path, stored, signal);
    return rangeSource(handle, target, { ...running, nextToken: stored.nextToken });
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
      const source = await this.#newBytes(key, handle, step, signal);
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
      if (sha256 === undefined) throw lost(key, source);
      this.#certain.add(key);
      if (stored) this.#obsolete.push(...piecesOf(key, stored).map((piece) => piece.key));
      return { step, copy: copyOf(step, sha256), bytes: source.size };
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
    if (!target.complete) this.#hashes.set(key, result);
    return sha256;
  }
}

/** One that is there already was left by a session that was cut off, or by another history: nothing needs it. */
async function putPiece(
  key: ObjectKey,
  source: RangeSource,
  exclusive: ExclusivePuts,
  signal: AbortSignal,
): Promise<StoredObject> {
  const options = { signal, kind: "open-segment" } as const;
  try {
    return await exclusive.create(key, source, options);
  } catch (error) {
    if (!isSinkError(error, "conflict")) throw error;
    return exclusive.replace(key, source, options);
  }
}

function keyOf({ context, timeline, store, target }: Step): ObjectKey {
  return storeFileKey(context, timeline, store, target.name);
}

function lost(key: ObjectKey, source: RangeSource): EngineError {
  return new EngineError(
    "failed",
    `put ${key}: ${source.size} bytes were sent, but the sink holds something else`,
    "The storage doesn't keep what it is given. Run `axon-backup check`.",
  );
}

function stateOf({ target }: Step): Omit<OpenSegment, "sha256"> {
  const { name, validBytes, length, nextToken, complete } = target;
  return { name, validBytes, length, nextToken, complete };
}

function copyOf(step: Step, sha256: string): OpenSegment {
  return { ...stateOf(step), sha256 };
}
