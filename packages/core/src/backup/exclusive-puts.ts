import {
  isSinkError,
  type ObjectKey,
  type PutOptions,
  type Sink,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import type { Lease } from "../lease/lease.js";

export type Put = (key: ObjectKey, source: Source, options: PutOptions) => Promise<StoredObject>;

/**
 * The puts that would do harm if the run had lost the repository while it stood still, for whatever time and between any two of its steps. Each takes effect only while the
 * run is the only writer, or rejects with EngineError `locked`:
 *
 * - Where the storage knows conditions, it decides: nothing is replaced that another run has stored since this one looked.
 * - Elsewhere the lock is read before an object's last bytes are given; and the run that took over has removed what others hadn't finished (`others` of `removeLeftovers`), so that what was
 *   asked for in time, and comes late, has nothing to take effect with.
 */
export interface ExclusivePuts {
  /** Replaces an open segment's copy, or makes it. */
  readonly replace: Put;
  /** Makes an object that must not be there; rejects with SinkError `conflict` if it is, where the storage can tell. */
  readonly create: Put;
  /** For what does no harm but shouldn't be sent in vain. */
  readonly held: () => Promise<void>;
}

/** @param requireCurrent rejects if the repository isn't what the run has seen any more */
export function exclusivePuts(sink: Sink, lease: Lease, requireCurrent: () => Promise<void>): ExclusivePuts {
  const { ifAbsent, ifUnchanged } = sink.conditional ?? {};
  const put: Put = (key, source, options) => sink.put(key, lease.whileHeld(source), options);

  const replaceUnchanged = async (
    key: ObjectKey,
    source: Source,
    options: PutOptions,
  ): Promise<StoredObject> => {
    if (ifAbsent === undefined || ifUnchanged === undefined) return put(key, source, options);
    const there = await statOptional(sink, key, options);
    if (there === undefined) return ifAbsent(key, source, options);
    if (there.version === undefined) return put(key, source, options);
    if (there.size > source.size) await requireCurrent(); // It will be shorter: right only if no restore point has come since.
    return ifUnchanged(key, there.version, source, options);
  };

  return {
    async replace(key, source, options) {
      try {
        return await replaceUnchanged(key, source, options);
      } catch (error) {
        // A server that can't decide for an object of this size says so before it takes anything.
        if (isSinkError(error, "invalid")) return put(key, source, options);
        if (!isSinkError(error, "conflict")) throw error;
        await lease.confirm();
        // Some servers take the marker of a deleted object, in a bucket with versions, for an object that is there.
        if ((await statOptional(sink, key, options)) === undefined) return put(key, source, options);
        throw storedByAnother(key, error);
      }
    },
    create: (key, source, options) =>
      ifAbsent ? ifAbsent(key, lease.whileHeld(source), options) : put(key, source, options),
    held: () => lease.held(),
  };
}

async function statOptional(
  sink: Sink,
  key: ObjectKey,
  { signal }: PutOptions,
): Promise<StoredObject | undefined> {
  try {
    return await sink.stat(key, signal ? { signal } : {});
  } catch (error) {
    if (isSinkError(error, "not-found")) return undefined;
    throw error;
  }
}

/** What a run ends with that finds another one's work in the place of its own. */
export function storedByAnother(key: ObjectKey, cause?: unknown): EngineError {
  return new EngineError(
    "locked",
    `another backup has stored ${key} while this one ran`,
    "Nothing was committed. Let only one agent write to a repository; the next run goes on.",
    cause,
  );
}
