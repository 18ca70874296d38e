import type { Source } from "@axon-backup/sink";

export const KiB = 1024;
export const MiB = 1024 * KiB;

/** `size` bytes that differ from those of another `seed` nearly everywhere, and hold some runs of zeros. */
export function pattern(size: number, seed = 1): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  const bytes = new Uint8Array(words.buffer, 0, size);
  // A run of zeros where sinks that leave holes find one, at odd bounds.
  if (size > 300 * KiB) bytes.fill(0, 100 * KiB - 3, 250 * KiB + 5);
  return bytes;
}

/** A source of `bytes` in chunks of the given sizes, in turn. Each chunk is in the same buffer, overwritten with the next one. */
export function chunkedSource(bytes: Uint8Array, chunks: readonly number[] = [64 * KiB]): Source {
  return {
    size: bytes.byteLength,
    // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
    async *open() {
      const buffer = new Uint8Array(Math.max(1, ...chunks));
      for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
        const part = bytes.subarray(at, at + (chunks[turn % chunks.length] ?? bytes.byteLength));
        buffer.set(part);
        yield buffer.subarray(0, part.byteLength);
        buffer.fill(0xee);
        at += part.byteLength;
      }
    },
  };
}

/** A source that says it has `size` bytes and gives `bytes`. */
export function lyingSource(size: number, bytes: Uint8Array): Source {
  return { size, open: (signal) => chunkedSource(bytes).open(signal) };
}

/** A source that gives `bytes` and then, in place of its end, rejects with `error`. */
export function failingSource(size: number, bytes: Uint8Array, error: unknown): Source {
  return {
    size,
    async *open(signal) {
      yield* chunkedSource(bytes).open(signal);
      throw error;
    },
  };
}

/** `count` chunks of `size` bytes, all of them this byte: large ones take no memory. */
export function filledSource(size: number, count: number, byte: number): Source {
  return {
    size: size * count,
    // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
    async *open() {
      const chunk = new Uint8Array(size).fill(byte);
      for (let index = 0; index < count; index++) yield chunk;
    },
  };
}

/** A source that gives `bytes` of its size, calls `stuck`, and then waits for the signal. */
export function stuckSource(size: number, bytes: Uint8Array, stuck: () => void): Source {
  return {
    size,
    async *open(signal) {
      yield bytes;
      stuck();
      signal?.throwIfAborted();
      await new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      });
    },
  };
}

/** A source that stops and waits at given offsets. */
export interface GatedSource extends Source {
  /** Resolves when the source has given the bytes before the gate, and was asked for more. */
  readonly reached: (gate: number) => Promise<void>;
  /** Lets it go on. */
  readonly pass: (gate: number) => void;
  /** Lets it go on to its end. */
  readonly passAll: () => void;
}

/** Something to wait for until it is released, once. */
export class Latch {
  release: () => void = () => undefined;
  readonly released = new Promise<void>((resolve) => (this.release = resolve));
}

/** A source of `bytes` with a gate at each of `offsets`, ascending. It takes no notice of signals. */
export function gatedSource(bytes: Uint8Array, offsets: readonly number[]): GatedSource {
  const gates = offsets.map(() => ({ reached: new Latch(), open: new Latch() }));
  const gate = (index: number): (typeof gates)[number] => {
    const found = gates[index];
    if (found === undefined) throw new RangeError(`there is no gate ${index}`);
    return found;
  };
  return {
    size: bytes.byteLength,
    async *open(signal) {
      let from = 0;
      for (const [index, to] of offsets.entries()) {
        yield* chunkedSource(bytes.subarray(from, to)).open(signal);
        gate(index).reached.release();
        await gate(index).open.released;
        from = to;
      }
      yield* chunkedSource(bytes.subarray(from)).open(signal);
    },
    reached: (index) => gate(index).reached.released,
    pass: (index) => {
      gate(index).open.release();
    },
    passAll: () => {
      for (const { open } of gates) open.release();
    },
  };
}
