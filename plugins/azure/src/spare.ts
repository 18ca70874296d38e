const MiB = 1024 * 1024;

/**
 * Buffers for blocks, shared by all puts of a sink. Each put has one for itself; more of them only as long as there is something left for all, so that many puts at
 * once don't need more memory than few. Nobody ever waits for it, so that a put whose source has stopped can't stop others. Buffers are used again
 * while puts run: new ones would pile up until they are collected.
 */
export class Spare {
  #left: number;
  #lent = 0;
  #idle: Buffer[] = [];

  /** @param bytes how many there are beside the one buffer that every put has */
  constructor(bytes = 16 * MiB) {
    this.#left = bytes;
  }

  /** A put's first buffer. */
  first(bytes: number): Buffer {
    return this.#lend(bytes);
  }

  /** One more, if there is something left. */
  another(bytes: number): Buffer | undefined {
    if (bytes > this.#left) return undefined;
    this.#left -= bytes;
    return this.#lend(bytes);
  }

  /** Takes all buffers of a put back, the first of them first. */
  giveBack(buffers: readonly Buffer[]): void {
    for (const { byteLength } of buffers.slice(1)) this.#left += byteLength;
    this.#idle.push(...buffers);
    this.#lent -= buffers.length;
    if (this.#lent === 0) this.#idle = [];
  }

  #lend(bytes: number): Buffer {
    this.#lent++;
    const at = this.#idle.findIndex(({ byteLength }) => byteLength === bytes);
    return at < 0
      ? Buffer.allocUnsafeSlow(bytes)
      : (this.#idle.splice(at, 1)[0] ?? Buffer.allocUnsafeSlow(bytes));
  }
}
