import type { EventStore } from "./store/event-store.js";

/** Hands over completed segments one at a time, at an interval, as the server does. Keeps no process alive. */
export class HandoverClock {
  private readonly timers = new Map<EventStore, NodeJS.Timeout>();
  private failure: Error | undefined;

  /** @param interval Milliseconds. */
  constructor(private readonly interval: number) {}

  /** Sees to it that a store's waiting segments are handed over. */
  watch(store: EventStore): void {
    if (this.timers.has(store) || store.waitingSegments === 0) return;
    const timer = setTimeout(() => {
      this.timers.delete(store);
      try {
        store.handover();
      } catch (error) {
        // Nobody waits for a timer: `stop` tells.
        this.failure ??= error instanceof Error ? error : new Error(String(error));
        return;
      }
      this.watch(store);
    }, this.interval);
    timer.unref();
    this.timers.set(store, timer);
  }

  /** @throws what a handing over failed with. */
  stop(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    if (this.failure !== undefined) throw this.failure;
  }
}
