import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { HashThread } from "./hash-thread.js";

/** SHA-256 of bytes that come in chunks. */
export interface StreamHash {
  /** Takes the chunk's bytes before it resolves; the chunk is the caller's again then. Wait for it before the next call. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** The hash of everything so far, as lower-case hex. More may follow. */
  digest(): Promise<string>;
  /** Releases what the hash holds. Call it when done, however that came about. */
  close(): void;
}

/** Below this, telling another thread costs more than hashing. */
const WORTH_A_THREAD = 2 * 1024 * 1024;

let thread: HashThread | undefined;

/** A hash for about `size` bytes: on a thread of its own for large ones, where there is a second processor. */
export function streamHash(size: number): StreamHash {
  return threadFor(size)?.hash() ?? hashHere();
}

/** Starts the thread for what may come: it takes a moment, in which this thread can do something else. */
export function prepareToHash(): void {
  threadFor(Infinity);
}

function threadFor(size: number): HashThread | undefined {
  if (size < WORTH_A_THREAD || availableParallelism() < 2) return undefined;
  return (thread ??= new HashThread());
}

function hashHere(): StreamHash {
  const hash = createHash("sha256");
  return {
    update(chunk) {
      hash.update(chunk);
      return undefined;
    },
    digest: () => Promise.resolve(hash.copy().digest("hex")),
    close: () => undefined,
  };
}
