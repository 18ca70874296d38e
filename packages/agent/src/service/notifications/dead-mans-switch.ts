import type { Clock } from "@axon-backup/core";
import type { PingTarget } from "../../config/notifications-types.js";
import { describeError } from "../../errors/describe-error.js";
import type { Log } from "../../output/log.js";
import type { ServiceEvent, ServiceState } from "../model.js";
import { isAllWell, isNewRestorePoint, nextPing } from "./all-well.js";
import { tooSlow } from "./senders/sender.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 60_000;

export interface SwitchOptions {
  readonly channel: string;
  readonly target: PingTarget;
  /** Fetches the address. */
  readonly fetch: (signal: AbortSignal) => Promise<void>;
  readonly state: () => ServiceState;
  readonly clock: Clock;
  readonly log: Log;
  readonly redact: (text: string) => string;
}

/** Fetches an address as long as all is well. It never queues: what counts is now. */
export class DeadMansSwitch {
  /** The last success. */
  #last: number | undefined;
  /** A new restore point that hasn't been told yet; of `current`, there is always something to tell. */
  #wanted: boolean;
  #busy: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #wait = FIRST_WAIT;
  #notBefore = -Infinity;
  #failing = false;
  #closed = false;
  readonly #abort = new AbortController();

  constructor(private readonly options: SwitchOptions) {
    this.#wanted = options.target.when === "current";
  }

  event(event: ServiceEvent): void {
    if (isNewRestorePoint(event)) this.#wanted = true;
  }

  /** Looks whether it is time. Called at each change of the state. */
  look(): void {
    const { target, clock, state } = this.options;
    if (this.#closed || this.#busy || !this.#wanted || !isAllWell(target.when, state())) return;
    const now = clock.now();
    const next = Math.max(nextPing(this.#last, target.every, now), this.#notBefore);
    this.#cancel?.();
    this.#cancel = undefined;
    if (next > now)
      this.#cancel = clock.after(next - now, () => {
        this.look();
      });
    else
      this.#busy = this.#fetch().finally(() => {
        this.#busy = undefined;
        this.look();
      });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    this.#abort.abort(new Error("the service ends"));
    await this.#busy;
  }

  async #fetch(): Promise<void> {
    const { fetch, target, clock, channel, log } = this.options;
    const over = AbortSignal.timeout(target.timeout);
    // What comes while it is being fetched is to be told, too.
    if (target.when === "restore-point") this.#wanted = false;
    try {
      await fetch(AbortSignal.any([over, this.#abort.signal]));
    } catch (error) {
      this.#wanted = true;
      this.#notBefore = clock.now() + this.#wait;
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
      if (!this.#closed) this.#failed(over.aborted ? tooSlow(target.timeout) : error);
      return;
    }
    this.#last = clock.now();
    this.#wait = FIRST_WAIT;
    this.#notBefore = -Infinity;
    if (this.#failing) log.info(`notifications: ${channel}: works again`, { channel });
    this.#failing = false;
  }

  /** In a row, it is told once. */
  #failed(error: unknown): void {
    const { channel, log, redact } = this.options;
    const { message, causes, remedy } = describeError(error);
    const text = redact([message, ...causes, remedy].filter((part) => part !== undefined).join("; "));
    const line = `notifications: ${channel}: can't be fetched, and is tried again: ${text}`;
    if (this.#failing) log.debug(line, { channel });
    else log.warn(line, { channel });
    this.#failing = true;
  }
}
