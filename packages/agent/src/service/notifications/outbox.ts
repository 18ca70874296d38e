import type { Clock } from "@axon-backup/core";
import { describeError } from "../../errors/describe-error.js";
import type { Log } from "../../output/log.js";
import { errorJson } from "../../output/report-error.js";
import type { Message } from "./message.js";
import { DeliveryError, tooSlow, type Sender } from "./senders/sender.js";

/** Messages of a channel that can't be reached; of more, the oldest go. */
const MAX_WAITING = 100;
/** What couldn't be told in this time is told no more: what lasts is told anew. Milliseconds. */
const MAX_AGE = 24 * 3_600_000;
/** How often what is refused is tried. */
const MAX_REFUSALS = 5;
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 5 * 60_000;
/** For how long messages are gathered that can be sent as one. */
const GATHER = 2000;

export interface OutboxOptions {
  readonly channel: string;
  readonly sender: Sender;
  /** For one attempt, milliseconds. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes secrets out of what is logged. */
  readonly redact: (text: string) => string;
}

interface Waiting {
  readonly message: Message;
  readonly since: number;
}

/** Delivers a channel's messages, one after the other, however long that takes. Nobody waits for it, and nothing of it ever fails anybody. */
export class Outbox {
  #waiting: Waiting[] = [];
  #failing = false;
  #running: Promise<void> | undefined;
  #closing = false;
  #cancelSleep: (() => void) | undefined;
  readonly #abort = new AbortController();

  constructor(private readonly options: OutboxOptions) {}

  push(message: Message): void {
    const { clock, channel, log } = this.options;
    if (this.#closing) return;
    this.#waiting.push({ message, since: clock.now() });
    if (this.#waiting.length > MAX_WAITING) {
      const [oldest] = this.#waiting.splice(0, 1);
      log.error(`notifications: ${channel}: too many messages wait; the oldest is dropped`, {
        channel,
        subject: oldest?.message.subject,
      });
    }
    this.#running ??= this.#run();
  }

  /**
   * Tries what is waiting once more, within `patience` milliseconds.
   * @returns what wasn't delivered
   */
  async close(patience: number): Promise<readonly Message[]> {
    this.#closing = true;
    this.#cancelSleep?.();
    const timer = setTimeout(() => {
      this.#abort.abort(new Error("the service ends"));
    }, patience);
    await this.#running;
    clearTimeout(timer);
    return this.#waiting.map(({ message }) => message);
  }

  async #run(): Promise<void> {
    const { sender } = this.options;
    // So that `push` has set `#running` in any case.
    await Promise.resolve();
    if (sender.together > 1) await this.#sleep(GATHER);
    let wait = FIRST_WAIT;
    let refusals = 0;
    for (;;) {
      this.#dropOld();
      const batch = this.#waiting.slice(0, sender.together);
      const [first, ...more] = batch;
      if (first === undefined) break;
      const error = await this.#try([first.message, ...more.map(({ message }) => message)]);
      if (error === undefined) {
        this.#remove(batch);
        wait = FIRST_WAIT;
        refusals = 0;
        continue;
      }
      refusals += error instanceof DeliveryError && error.refused ? 1 : 0;
      if (refusals >= MAX_REFUSALS) {
        this.#giveUp(batch, error);
        refusals = 0;
        continue;
      }
      if (this.#closing) break;
      await this.#sleep(wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
    this.#running = undefined;
  }

  /** @returns why it failed */
  async #try(messages: readonly [Message, ...Message[]]): Promise<unknown> {
    const { sender, timeout, channel, log } = this.options;
    const over = AbortSignal.timeout(timeout);
    try {
      const warning = await sender.send(messages, AbortSignal.any([over, this.#abort.signal]));
      if (warning !== undefined)
        log.warn(`notifications: ${channel}: ${this.options.redact(warning)}`, { channel });
    } catch (error) {
      const failure = over.aborted && !(error instanceof DeliveryError) ? tooSlow(timeout) : error;
      this.#failed(failure ?? new Error("unknown"));
      return failure ?? new Error("unknown");
    }
    if (this.#failing) log.info(`notifications: ${channel}: works again`, { channel });
    this.#failing = false;
    for (const { event, subject } of messages)
      log.info(`notifications: ${channel}: told: ${subject}`, { channel, event });
    return undefined;
  }

  /** In a row, it is told once. */
  #failed(error: unknown): void {
    const { channel, log } = this.options;
    const { text, fields } = this.#describe(error);
    const line = `notifications: ${channel}: can't be told, and is tried again: ${text}`;
    if (this.#failing) log.debug(line, fields);
    else log.warn(line, fields);
    this.#failing = true;
  }

  #giveUp(batch: readonly Waiting[], error: unknown): void {
    this.#remove(batch);
    const { channel, log } = this.options;
    const { text, fields } = this.#describe(error);
    for (const { message } of batch)
      log.error(
        `notifications: ${channel}: not told, since it was refused ${MAX_REFUSALS} times (${text}): ${message.subject}`,
        { ...fields, subject: message.subject },
      );
  }

  #dropOld(): void {
    const { channel, clock, log } = this.options;
    const old = this.#waiting.filter(({ since }) => clock.now() - since > MAX_AGE);
    this.#remove(old);
    for (const { message } of old)
      log.error(`notifications: ${channel}: not told within a day, and no more: ${message.subject}`, {
        channel,
        subject: message.subject,
      });
  }

  #remove(batch: readonly Waiting[]): void {
    const gone = new Set(batch);
    this.#waiting = this.#waiting.filter((waiting) => !gone.has(waiting));
  }

  #describe(error: unknown) {
    const { channel, redact } = this.options;
    const description = describeError(error);
    const output = error instanceof DeliveryError ? error.output : undefined;
    const text = [description.message, ...description.causes, description.remedy]
      .filter((part) => part !== undefined)
      .join("; ");
    const fields = {
      channel,
      error: errorJson(description),
      ...(output === undefined || output === "" ? {} : { output }),
    };
    // What the receiver printed is for people, too: the text's log shows no fields.
    const said = output === undefined || output === "" ? text : `${text}; it said: ${output}`;
    return { text: redact(said), fields: redactFields(fields, redact) };
  }

  #sleep(milliseconds: number): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#cancelSleep = undefined;
        resolve();
      };
      const cancel = this.options.clock.after(milliseconds, done);
      this.#cancelSleep = () => {
        cancel();
        done();
      };
    });
  }
}

function redactFields(
  fields: Readonly<Record<string, unknown>>,
  redact: (text: string) => string,
): Readonly<Record<string, unknown>> {
  return JSON.parse(JSON.stringify(fields), (_key, value: unknown) =>
    typeof value === "string" ? redact(value) : value,
  ) as Readonly<Record<string, unknown>>;
}
