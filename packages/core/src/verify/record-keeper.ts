import { isSinkError } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import type { Repository } from "../repository/repository.js";
import type { Clock } from "../sinks/clock.js";
import type { ReadTimes } from "./read-times.js";

/** Milliseconds between two writings of the record: so much reading is done again after a kill. */
const EVERY = 60_000;
/** Milliseconds for writing it in the end of a run that was stopped. */
const LAST_WRITE = 5000;

/** Writes the record of what was read: now and then while a run goes on, and at its end, also when it is stopped. */
export class RecordKeeper {
  #last: number;
  #busy = false;
  #changed = false;
  #failed = false;

  constructor(
    private readonly repository: Repository,
    private readonly times: ReadTimes,
    private readonly tools: {
      readonly clock: Pick<Clock, "now">;
      readonly now: () => Date;
      readonly notes: string[];
      readonly signal: AbortSignal | undefined;
    },
  ) {
    this.#last = tools.clock.now();
  }

  /** An object was read. */
  async changed(): Promise<void> {
    this.#changed = true;
    if (this.#busy || this.tools.clock.now() - this.#last < EVERY) return;
    await this.#write(this.repository);
  }

  /** The run was stopped: its signal can't be used any more. Never rejects. */
  async stopped(): Promise<void> {
    if (this.#changed) await this.#write(this.repository.withSignal(AbortSignal.timeout(LAST_WRITE)), true);
  }

  async finish(): Promise<void> {
    await this.#write(this.repository);
  }

  async #write(repository: Repository, isLast = false): Promise<void> {
    if (this.#failed) return;
    this.#busy = true;
    try {
      await repository.writeVerifiedObjects(this.times.record(this.tools.now()));
      this.#last = this.tools.clock.now();
      this.#changed = false;
    } catch (error) {
      if (isLast) return;
      this.tools.signal?.throwIfAborted();
      if (!isSinkError(error) && !(error instanceof EngineError)) throw error;
      this.#failed = true;
      this.tools.notes.push(
        `when objects were read could not be recorded, so that a budget begins again with the same ones: ${error.message}`,
      );
    } finally {
      this.#busy = false;
    }
  }
}
