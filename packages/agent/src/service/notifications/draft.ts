import type { NotificationChannel } from "../../config/notifications-types.js";
import type { ServiceEvent } from "../model.js";
import { type Condition, keyOf, type LastingTrouble, type Memory, type Notice } from "./conditions.js";
import { isNews, merge } from "./merge.js";

/** What a channel wants to be told. */
export type Policy = Pick<NotificationChannel, "on" | "after" | "remind">;

export interface Decision {
  readonly memory: Memory;
  readonly notices: readonly Notice[];
  /** When there may be something to tell by time alone; undefined: not until something happens. */
  readonly wake: number | undefined;
}

/** More divergences aren't remembered: each is told once, and they are rare. */
const MAX_DIVERGED = 100;

/** A memory that is being changed, and what is told of it. */
export class Draft {
  begun: boolean;
  readonly #conditions: Map<string, Condition>;
  readonly #notices: Notice[] = [];
  #diverged: readonly string[];

  constructor(
    private readonly policy: Policy,
    memory: Memory,
    private readonly now: number,
  ) {
    this.begun = memory.begun;
    // The channel may have been told to leave some out, meanwhile.
    this.#conditions = new Map(
      [...memory.conditions].filter(([, { trouble }]) => policy.on.includes(trouble.kind)),
    );
    this.#diverged = memory.diverged;
  }

  get conditions(): ReadonlyMap<string, Condition> {
    return this.#conditions;
  }

  /** There is this trouble. */
  open(
    trouble: LastingTrouble,
    since: Date,
    delay = trouble.kind === "failed" ? this.policy.after : 0,
  ): void {
    if (!this.policy.on.includes(trouble.kind)) return;
    const key = keyOf(trouble);
    const known = this.#conditions.get(key);
    if (known === undefined) {
      this.#conditions.set(key, { trouble, since, due: this.now + delay, told: undefined, counted: false });
      return;
    }
    const merged = merge(known.trouble, trouble);
    const again = isNews(known.trouble, trouble);
    this.#conditions.set(key, {
      ...known,
      trouble: merged,
      ...(again
        ? { told: undefined, due: this.now + delay }
        : { due: Math.min(known.due, this.now + delay) }),
    });
  }

  change(key: string, change: Partial<Condition>): void {
    const known = this.#conditions.get(key);
    if (known) this.#conditions.set(key, { ...known, ...change });
  }

  /** It is over; `event`: tell it, if the trouble was told. */
  close(key: string, event?: "recovered" | "on-time"): void {
    const known = this.#conditions.get(key);
    if (known === undefined) return;
    this.#conditions.delete(key);
    if (known.told === undefined || event === undefined || !this.policy.on.includes(event)) return;
    this.#notices.push({ event, trouble: known.trouble, since: known.since, reminder: false });
  }

  /** Each divergence is told once. */
  happened({ sink, at, timelines }: Extract<ServiceEvent, { kind: "diverged" }>): void {
    if (!this.policy.on.includes("diverged")) return;
    const key = JSON.stringify([sink, timelines]);
    if (this.#diverged.includes(key)) return;
    this.#diverged = [...this.#diverged, key].slice(-MAX_DIVERGED);
    const trouble = { kind: "diverged", sink, timelines } as const;
    this.#notices.push({ event: "diverged", trouble, since: at, reminder: false });
  }

  /** Tells what is due. */
  settle(): Decision {
    const { remind = Infinity } = this.policy;
    let wake = Infinity;
    for (const [key, condition] of this.#conditions) {
      const { trouble, since, told, due } = condition;
      const next = told === undefined ? due : told + remind;
      if (next > this.now) wake = Math.min(wake, next);
      else {
        this.#notices.push({ event: trouble.kind, trouble, since, reminder: told !== undefined });
        this.#conditions.set(key, { ...condition, told: this.now });
        wake = Math.min(wake, this.now + remind);
      }
    }
    const memory = { conditions: this.#conditions, diverged: this.#diverged, begun: this.begun };
    return { memory, notices: this.#notices, wake: wake === Infinity ? undefined : wake };
  }
}
