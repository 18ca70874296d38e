import type { Clock } from "@axon-backup/core";
import type { ServiceEvent, ServiceListener, ServiceState } from "./model.js";

/** More often than this, nobody needs to see how far something is. Milliseconds. */
const LEAST_DISTANCE = 200;

/** Whoever wants to know what happens. What a listener throws is logged, and keeps nothing from going on. */
export class Listeners {
  readonly #listeners = new Set<ServiceListener>();
  #cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly state: () => ServiceState,
    private readonly onError: (error: unknown) => void,
  ) {}

  add(listener: ServiceListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The state has changed: told soon, of all changes that come together once. */
  changed(): void {
    this.#cancel ??= this.clock.after(LEAST_DISTANCE, () => {
      this.#cancel = undefined;
      this.#tell(({ onChange }) => onChange?.(this.state()));
    });
  }

  happened(event: ServiceEvent): void {
    this.#tell(({ onEvent }) => onEvent?.(event));
    this.changed();
  }

  /** Nothing is told any more that is to be told soon. */
  close(): void {
    this.#cancel?.();
  }

  #tell(call: (listener: ServiceListener) => void): void {
    for (const listener of this.#listeners)
      try {
        call(listener);
      } catch (error) {
        this.onError(error);
      }
  }
}
