import { onAbort } from "../sinks/signals.js";

/** Work that goes on beside the cycles: segments that are being stored whole. */
export class Settling {
  /** Resolves when it is over, well or not. */
  readonly running: Promise<void>;
  readonly #end = new AbortController();
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>) {
    const release = onAbort(signal, (reason) => {
      this.#end.abort(reason);
    });
    const over = (): void => {
      this.#isOver = true;
      release();
    };
    this.running = work(this.#end.signal).then(over, (error: unknown) => {
      this.#failure = { error };
      over();
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Breaks it off, if it isn't over. What fails then fails with what led to it. */
  async end(): Promise<void> {
    this.#end.abort(new Error("broken off"));
    await this.running;
  }
}
