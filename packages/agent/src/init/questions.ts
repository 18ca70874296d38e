import { UsageError } from "../errors/usage-error.js";
import { ask } from "../output/ask.js";
import type { Streams } from "../output/streams.js";

/** Asks whoever sits at the terminal; without one, or when nobody is to be asked, the defaults are the answers. */
export class Questions {
  readonly #streams: Streams;
  readonly #signal: AbortSignal;
  /** Whether somebody is asked. */
  readonly asks: boolean;

  constructor(streams: Streams, asks: boolean, signal: AbortSignal) {
    this.#streams = streams;
    this.#signal = signal;
    this.asks = asks && streams.stdin?.isTTY === true && streams.stderr.isTTY === true;
  }

  /** Says something to whoever is asked. */
  say(text: string): void {
    if (this.asks) this.#streams.stderr.write(`${text}\n`);
  }

  /**
   * An answer; `fallback` for an empty one, and when nobody is asked.
   * @param question without a question mark or colon at its end
   * @throws UsageError when the terminal is closed meanwhile
   */
  async text(question: string, fallback = ""): Promise<string> {
    if (!this.asks) return fallback;
    const shown = fallback === "" ? "" : ` [${fallback}]`;
    const answer = await ask(this.#streams, `${question}${shown}: `, this.#signal);
    if (answer === undefined)
      throw new UsageError("the terminal was closed", "Nothing was written. Begin again.");
    return answer.trim() === "" ? fallback : answer.trim();
  }

  /** Whether the answer is yes, which an empty one is. False when nobody is asked. */
  async confirm(question: string): Promise<boolean> {
    return this.asks && /^y(es)?$/i.test(await this.text(`${question} (yes or no)`, "yes"));
  }
}
