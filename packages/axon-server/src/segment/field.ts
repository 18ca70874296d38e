/**
 * Reads a field of a few bytes from pieces: where it lies, if it lies in one, or put together.
 */
export class FieldReader {
  readonly #pieces = Buffer.alloc(16);
  #held = 0;
  /** Where the whole field is: at `at` of `bytes`. Undefined while bytes are missing. */
  bytes: Buffer | undefined;
  at = 0;

  /** Takes what it needs of the `size` bytes (at most 16) from `at` of `piece` on; returns the offset behind. */
  take(piece: Buffer, at: number, size: number): number {
    if (this.#held === 0 && at + size <= piece.length) {
      this.bytes = piece;
      this.at = at;
      return at + size;
    }
    const end = Math.min(piece.length, at + size - this.#held);
    this.#held += piece.copy(this.#pieces, this.#held, at, end);
    const whole = this.#held === size;
    this.bytes = whole ? this.#pieces : undefined;
    this.at = 0;
    if (whole) this.#held = 0;
    return end;
  }

  /** The bytes of a field that isn't whole yet. */
  get held(): Buffer {
    return this.#pieces.subarray(0, this.#held);
  }
}
