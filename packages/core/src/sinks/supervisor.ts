import { SinkError } from "@axon-backup/sink";
import { borrowController, giveBackController } from "./call-signals.js";
import type { Clock } from "./clock.js";
import { onAbort } from "./signals.js";

/** How long an aborted call may clean up after itself before it is given up. Milliseconds. */
export const GRACE = 5000;
/** Node's timers may fire a millisecond early. */
const EARLY = 1;

/**
 * Watches one call: aborts it when it gets nowhere for `limit` milliseconds, and gives it up when it takes no notice of that. It does the same
 * when the outer signal is aborted.
 *
 * A call that is given up may still be at work: that is a sink that breaks its contract, and it must not keep the run from going on.
 */
export class Supervisor {
  readonly #controller = borrowController();
  readonly #release: () => void;
  #ended = false;
  #stalled: SinkError | undefined;
  #paused = false;
  /** When the call is aborted, or given up if it is aborted already; undefined while time doesn't count. By the clock. */
  #deadline: number | undefined;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;
  /** Ends the step that is being waited for. */
  #giveUp: ((error: unknown) => void) | undefined;

  constructor(
    private readonly limit: number,
    private readonly clock: Clock,
    outer: AbortSignal | undefined,
    /** Describes the stall, as "put stalled: …". */
    private readonly describe: () => string,
  ) {
    if (outer?.aborted === true) this.#controller.abort(outer.reason);
    this.#release = onAbort(outer, (reason) => {
      this.#controller.abort(reason);
      if (this.#giveUp) this.#arm(GRACE);
    });
  }

  /** The signal for the call. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something moved: the time begins anew. */
  moved(): void {
    this.#paused = false;
    if (!this.signal.aborted && this.#giveUp) this.#arm(this.limit);
  }

  /** The call waits for somebody else than the storage: time doesn't count until something moves again. */
  paused(): void {
    this.#paused = true;
    if (!this.signal.aborted) this.#disarm();
  }

  /**
   * Waits for a step of the call, which began just now. Rejects with a SinkError `transient` when it stalled; with the outer signal's reason when the
   * call took no notice of it.
   */
  async step<T>(work: Promise<T>): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#giveUp = reject;
        if (this.signal.aborted) this.#arm(GRACE);
        else if (!this.#paused) this.#arm(this.limit);
        work.then(resolve, reject);
      });
    } catch (error) {
      if (this.#stalled === undefined || error === this.#stalled) throw error;
      // It ended for this reason, whatever it says; and what it says is kept.
      throw stallError(this.#stalled.message, error);
    } finally {
      this.#giveUp = undefined;
      this.#disarm();
    }
  }

  /** Ends watching. The call must not use the signal any more, unless it was given up. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    this.#disarm();
    this.#stopTimer();
    giveBackController(this.#controller);
  }

  /** Sets the deadline anew. The timer that runs is left alone if it fires before: it looks again then, which costs less than a timer for each chunk. */
  #arm(milliseconds: number): void {
    this.#deadline = this.clock.now() + milliseconds;
    if (this.#timer !== undefined && this.#timer.at <= this.#deadline) return;
    this.#stopTimer();
    this.#startTimer(milliseconds);
  }

  #disarm(): void {
    this.#deadline = undefined;
  }

  #startTimer(milliseconds: number): void {
    const cancel = this.clock.after(milliseconds, () => {
      this.#timer = undefined;
      this.#look();
    });
    this.#timer = { at: this.clock.now() + milliseconds, cancel };
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    if (this.#deadline === undefined) return;
    const left = this.#deadline - this.clock.now();
    if (left > EARLY) {
      this.#startTimer(left);
      return;
    }
    if (this.signal.aborted) {
      this.#giveUp?.(this.signal.reason);
      return;
    }
    this.#stalled = stallError(this.describe());
    this.#arm(GRACE);
    this.#controller.abort(this.#stalled);
  }
}

function stallError(message: string, cause?: unknown): SinkError {
  return new SinkError("transient", message, {
    ...(cause !== undefined && { cause }),
    remedy: "Look at the storage and the network. If they are only slow, raise timeouts.stall of this sink.",
  });
}
