import { randomUUID } from "node:crypto";
import type { Clock } from "@axon-backup/core";
import type { NotificationChannel } from "../../config/notifications-types.js";
import type { Log } from "../../output/log.js";
import type { SecretContext } from "../../secrets/resolve.js";
import type { ServiceState } from "../model.js";
import { type Memory, NO_MEMORY } from "./conditions.js";
import { DeadMansSwitch } from "./dead-mans-switch.js";
import { decide, type Input } from "./decide.js";
import { type MessageContext, type Message, messageOf } from "./message.js";
import { Outbox } from "./outbox.js";
import { fetchAddress } from "./senders/fetch.js";
import { senderOf } from "./senders/sender-of.js";

export interface ChannelOptions {
  readonly channel: NotificationChannel;
  readonly state: () => ServiceState;
  readonly log: Log;
  readonly secrets: SecretContext;
  readonly host: string;
  readonly clock: Clock;
  readonly now: () => Date;
}

/** One channel of a running service: decides what is told, and has it delivered. */
export class Channel {
  #memory: Memory;
  #cancelTimer: (() => void) | undefined;
  #closed = false;
  readonly #outbox: Outbox | undefined;
  readonly #switch: DeadMansSwitch | undefined;

  /** @param memory what an earlier channel of this name has told */
  constructor(
    private readonly options: ChannelOptions,
    memory: Memory = NO_MEMORY,
  ) {
    this.#memory = memory;
    const { channel, secrets, clock, log, now, state } = options;
    const { target } = channel;
    const redact = (text: string): string => secrets.redactor.redact(text);
    const basis = { channel: channel.name, clock, log, redact };
    const sender = senderOf(target, secrets, now);
    if (sender) this.#outbox = new Outbox({ ...basis, sender, timeout: target.timeout });
    if (target.kind === "ping")
      this.#switch = new DeadMansSwitch({
        ...basis,
        target,
        fetch: (signal) => fetchAddress(target.url, "notifications.ping.url", secrets, signal),
        state,
      });
  }

  get channel(): NotificationChannel {
    return this.options.channel;
  }

  get memory(): Memory {
    return this.#memory;
  }

  take(input: Input): void {
    if (this.#closed) return;
    const { clock, channel } = this.options;
    const now = clock.now();
    const { memory, notices, wake } = decide(channel, this.#memory, input, now);
    this.#memory = memory;
    this.#cancelTimer?.();
    this.#cancelTimer =
      wake === undefined
        ? undefined
        : clock.after(wake - now, () => {
            this.take({ kind: "time" });
          });
    for (const notice of notices) {
      const isOver = notice.event === "recovered" || notice.event === "on-time";
      // The address for failures has nothing to say about their end.
      if (channel.target.kind === "ping" && isOver) continue;
      this.#outbox?.push(messageOf(notice, this.#context()));
    }
    if (input.kind === "event") this.#switch?.event(input.event);
    this.#switch?.look();
  }

  /** Sends messages that another channel couldn't send. */
  takeOver(messages: readonly Message[]): void {
    for (const message of messages) this.#outbox?.push(message);
  }

  /**
   * Tries once more to send what is waiting, for `patience` milliseconds, and ends.
   * @returns what wasn't sent
   */
  async close(patience: number): Promise<readonly Message[]> {
    this.#closed = true;
    this.#cancelTimer?.();
    const [left = []] = await Promise.all([this.#outbox?.close(patience), this.#switch?.close()]);
    return left;
  }

  #context(): MessageContext {
    const { host, state, secrets, now } = this.options;
    return {
      id: randomUUID(),
      now: now(),
      host,
      server: state().server?.name,
      redact: (text) => secrets.redactor.redact(text),
    };
  }
}
