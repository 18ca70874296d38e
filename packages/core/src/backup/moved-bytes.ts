import type { Observer } from "../observer.js";

/** Tells of the bytes of one object as they go out, each once: a retry begins at the first byte again, and so do they. */
export class MovedBytes {
  #told = 0;

  constructor(
    private readonly sink: string,
    private readonly observer: Observer,
  ) {}

  add(bytes: number): void {
    this.#told += bytes;
    this.observer({ kind: "bytes", sink: this.sink, bytes });
  }

  /** The attempt has failed, or another one begins. */
  takeBack(): void {
    const bytes = this.#told;
    this.#told = 0;
    if (bytes > 0) this.observer({ kind: "bytes", sink: this.sink, bytes: -bytes });
  }
}
