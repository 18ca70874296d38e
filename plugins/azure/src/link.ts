import { setMaxListeners } from "node:events";

/** A signal that is aborted with another one, or by itself, with the reason of the first. */
export class Link {
  readonly #controller = new AbortController();
  readonly #followed: AbortSignal | undefined;
  readonly #follow = (): void => {
    this.abort(this.#followed?.reason);
  };

  constructor(followed: AbortSignal | undefined) {
    // Several requests at a time listen to it: Node takes more than ten for a leak.
    setMaxListeners(0, this.signal);
    this.#followed = followed;
    if (followed?.aborted === true) this.#follow();
    followed?.addEventListener("abort", this.#follow, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Does nothing when it is aborted already: the first reason stays. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Stops following the other. */
  release(): void {
    this.#followed?.removeEventListener("abort", this.#follow);
  }
}
