import { isSinkError, type Sink, type StoredObject } from "@axon-backup/sink";
import { storedByAnother } from "../backup/exclusive-puts.js";
import { EngineError } from "../errors.js";
import type { Lease } from "../lease/lease.js";
import type { WriteDocument } from "../repository/document.js";
import { HEAD_KEY } from "../repository/layout.js";
import { options } from "../repository/read-optional.js";
import { askedBeforeEnd } from "../sinks/asked-source.js";

/** How the head is put, and what was stored. */
export interface HeadPut {
  readonly put: WriteDocument;
  /** The version of what was put, on a sink that has them. */
  readonly version: () => string | undefined;
}

/**
 * Puts the head in the place of the one that is known. Where the storage knows conditions, it decides that nothing else is replaced; elsewhere the lease is asked before the last bytes are given.
 * @param version of what stands there
 * @param isThere whether anything does
 */
export function headPut(sink: Sink, lease: Lease, version: string | undefined, isThere: boolean): HeadPut {
  let stored: StoredObject | undefined;
  const { ifAbsent, ifUnchanged } = sink.conditional ?? {};
  const put: WriteDocument = async (key, source, given) => {
    const plain = (): Promise<StoredObject> => sink.put(key, lease.whileHeld(source), given);
    const asked = askedBeforeEnd(source, () => lease.held());
    try {
      if (version !== undefined && ifUnchanged) stored = await ifUnchanged(key, version, asked, given);
      else if (!isThere && ifAbsent && ifUnchanged) stored = await ifAbsent(key, asked, given);
      else stored = await plain();
    } catch (error) {
      if (!isSinkError(error, "conflict")) throw error;
      await lease.confirm();
      if (!(await isAbsent(sink, lease.signal))) throw storedByAnother(HEAD_KEY, error);
      if (isThere) throw headIsGone(error);
      // Some servers take the marker of a deleted object, in a bucket with versions, for an object that is there.
      stored = await plain();
    }
    return stored;
  };
  return { put, version: () => stored?.version };
}

function headIsGone(cause: unknown): EngineError {
  return new EngineError(
    "failed",
    `${HEAD_KEY} is gone: somebody has removed it from the sink while this process had the lock`,
    "What is stored is compared with the server, and goes on, when it is tried again. Find out who removes objects there.",
    cause,
  );
}

async function isAbsent(sink: Sink, signal: AbortSignal): Promise<boolean> {
  try {
    await sink.stat(HEAD_KEY, options(signal));
    return false;
  } catch (error) {
    if (isSinkError(error, "not-found")) return true;
    throw error;
  }
}
