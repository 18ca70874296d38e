import { randomUUID } from "node:crypto";
import type { Clock } from "@axon-backup/core";
import type { NotificationChannel } from "../../config/notifications-types.js";
import type { Log } from "../../output/log.js";
import type { SecretContext } from "../../secrets/resolve.js";
import type { ServiceState } from "../model.js";
import { type Memory, NO_MEMORY, type Notice } from "./conditions.js";
import { DeadMansSwitch } from "./dead-mans-switch.js";
import { decide, type Input } from "./decide.js";
import { flush, gather, type Gathering, isOver, NOTHING_GATHERED, patienceOf } from "./gather.js";
import type { MessageContext, Message } from "./message.js";
import { Outbox } from "./outbox.js";
import { refreshed } from "./refresh.js";
import { messageOfAll } from "./together.js";
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

/** What a channel has told, and is about to tell. */
export interface Remembered {
  readonly memory: Memory;
  readonly gathering: Gathering;
}

/** One channel of a running service: decides what is told, and has it delivered. */
export class Channel {
  #memory: Memory;
  #gathering: Gathering;
  #cancelTimer: (() => void) | undefined;
  #closed = false;
  readonly #outbox: Outbox | undefined;
  readonly #switch: DeadMansSwitch | undefined;

  /** @param before what an earlier channel of this name has told, and was about to tell */
  constructor(
    private readonly options: ChannelOptions,
    before: Remembered = { memory: NO_MEMORY, gathering: NOTHING_GATHERED },
  ) {
    this.#memory = before.memory;
    this.#gathering = before.gathering;
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

  get remembered(): Remembered {
    return { memory: this.#memory, gathering: this.#gathering };
  }

  take(input: Input): void {
    if (this.#closed) return;
    const { clock, channel } = this.options;
    const now = clock.now();
    const { memory, notices, wake } = decide(channel, this.#memory, input, now);
    // The address for failures has nothing to say about their end.
    const told = notices.filter((notice) => channel.target.kind !== "ping" || !isOver(notice));
    const gathered = gather(this.#gathering, told, memory.conditions, now, patienceOf(channel.after));
    this.#memory = memory;
    this.#gathering = gathered.gathering;
    this.#cancelTimer?.();
    const next = Math.min(wake ?? Infinity, gathered.wake ?? Infinity);
    this.#cancelTimer =
      next === Infinity
        ? undefined
        : clock.after(next - now, () => {
            this.take({ kind: "time" });
          });
    for (const group of gathered.ready) this.#push(group);
    if (input.kind === "event") this.#switch?.event(input.event);
    this.#switch?.look();
  }

  /** Sends messages that another channel couldn't send. */
  takeOver(messages: readonly Message[]): void {
    for (const message of messages) this.#outbox?.push(message);
  }

  /**
   * Tries once more to send what is waiting, for `patience` milliseconds, and ends.
   * @param isLast whether no other channel goes on with what this one remembers
   * @returns what wasn't sent
   */
  async close(patience: number, isLast: boolean): Promise<readonly Message[]> {
    this.#closed = true;
    this.#cancelTimer?.();
    if (isLast) for (const group of flush(this.#gathering)) this.#push(group);
    const [left = []] = await Promise.all([this.#outbox?.close(patience), this.#switch?.close()]);
    return left;
  }

  #push([first, ...others]: readonly [Notice, ...Notice[]]): void {
    const state = this.options.state();
    const now = [refreshed(first, state), ...others.map((notice) => refreshed(notice, state))] as const;
    this.#outbox?.push(messageOfAll(now, this.#context()));
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
