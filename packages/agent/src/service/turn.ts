/** A signal that is aborted with another one, or by itself before. */
export class Turn implements Disposable {
  readonly #controller = new AbortController();
  readonly #end = (): void => {
    this.end();
  };

  constructor(private readonly outer: AbortSignal) {
    if (outer.aborted) this.end();
    else outer.addEventListener("abort", this.#end, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    this.#controller.abort(this.outer.aborted ? this.outer.reason : new TurnEnded());
  }

  [Symbol.dispose](): void {
    this.outer.removeEventListener("abort", this.#end);
  }
}

/** Something else is due. */
export class TurnEnded extends Error {
  override readonly name = "TurnEnded";

  constructor() {
    super("something else is due");
  }
}
