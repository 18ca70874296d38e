import { isSinkError, SinkError } from "@axon-backup/sink";
import type { Attempts } from "./attempts.js";
import type { GetOptions } from "./decorate.js";

/** How many of the bytes given last are read again when a get is resumed. */
const OVERLAP_BYTES = 64 * 1024;

/**
 * A get that goes on, after a transient failure, at the offset it has reached.
 *
 * If the object was replaced meanwhile, the two parts would be of two objects. So the last 64 KiB given are read and compared
 * again first: when they differ, or aren't there any more, the get fails (`transient`: reading it anew, whole, may succeed). That costs no
 * request, and needs no version. An object that is the same there (zeros, say) and differs before can't be told in this way: whoever reads
 * knows its hash, and compares. (An open segment's copy that has grown meanwhile begins with the bytes of the old one: going on is right then.)
 */
export async function* resumedGet(
  next: (options: GetOptions) => AsyncIterable<Uint8Array>,
  options: GetOptions,
  attempts: Attempts,
): AsyncGenerator<Uint8Array, void, void> {
  const { offset = 0, length } = options.range ?? {};
  const tail = new Tail();
  let given = 0;
  for (;;) {
    if (length !== undefined && length > 0 && given === length) return;
    try {
      if (given === 0) {
        for await (const chunk of next(options)) {
          attempts.progressed();
          given += chunk.byteLength;
          tail.push(chunk);
          yield chunk;
        }
        attempts.progressed();
        return;
      }
      const overlap = tail.bytes();
      const again = given - overlap.byteLength;
      const range = { offset: offset + again, ...(length !== undefined && { length: length - again }) };
      for await (const chunk of behind(next({ ...options, range }), overlap, given)) {
        attempts.progressed();
        given += chunk.byteLength;
        tail.push(chunk);
        yield chunk;
      }
      attempts.progressed();
      return;
    } catch (error) {
      if (error instanceof ReplacedError) {
        attempts.progressed();
        throw error;
      }
      // Where bytes were given from before, there are none: the object is another one, and shorter.
      if (given > 0 && isSinkError(error, "range")) {
        attempts.progressed();
        throw new ReplacedError(given, error);
      }
      await attempts.failed(error);
    }
  }
}

class ReplacedError extends SinkError {
  constructor(given: number, cause?: unknown) {
    super("transient", `the object was replaced while it was being read, after ${given} bytes`, {
      ...(cause !== undefined && { cause }),
      remedy: "Read it again. If it stays, see what else writes to this storage.",
    });
  }
}

/** The last bytes that were given. */
class Tail {
  /** As large as needed: most objects are small, and there are many. */
  #buffer = new Uint8Array(0);
  #size = 0;

  push(chunk: Uint8Array): void {
    const added = chunk.subarray(Math.max(0, chunk.byteLength - OVERLAP_BYTES));
    const needed = Math.min(this.#size + added.byteLength, OVERLAP_BYTES);
    if (needed > this.#buffer.byteLength) {
      const larger = new Uint8Array(this.#size === 0 ? needed : OVERLAP_BYTES);
      larger.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = larger;
    }
    const kept = Math.min(this.#size, OVERLAP_BYTES - added.byteLength);
    this.#buffer.copyWithin(0, this.#size - kept, this.#size);
    this.#buffer.set(added, kept);
    this.#size = kept + added.byteLength;
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#size);
  }
}

/** What a stream gives behind `overlap`, with which it must begin. `given`: for the error. */
async function* behind(
  chunks: AsyncIterable<Uint8Array>,
  overlap: Uint8Array,
  given: number,
): AsyncGenerator<Uint8Array, void, void> {
  let compared = 0;
  for await (const chunk of chunks) {
    const length = Math.min(chunk.byteLength, overlap.byteLength - compared);
    const expected = overlap.subarray(compared, compared + length);
    if (Buffer.compare(chunk.subarray(0, length), expected) !== 0) throw new ReplacedError(given);
    compared += length;
    if (length < chunk.byteLength) yield chunk.subarray(length);
  }
  if (compared < overlap.byteLength) throw new ReplacedError(given);
}
