import type { ServiceEvent, SinkFailure } from "./model.js";

/** Remembers what strikes every sink and was told of one of them. */
export class ToldTroubles {
  readonly #failing = new Map<string, string>();

  /** Takes an event. @returns whether it only says of another sink, or once more, what was told */
  knows(event: ServiceEvent): boolean {
    if (event.kind === "failed") {
      const trouble = troubleOf(event.failure);
      if (trouble === undefined) return false;
      const isKnown = [...this.#failing.values()].includes(trouble);
      this.#failing.set(`${event.failure.job} ${event.sink}`, trouble);
      return isKnown;
    }
    if (event.kind === "recovered") this.#failing.delete(`${event.job} ${event.sink}`);
    // Sinks may be gone without having recovered.
    if (event.kind === "configuration-taken") this.#failing.clear();
    return false;
  }
}

function troubleOf({ cause, error }: SinkFailure): string | undefined {
  if (cause === "sink") return undefined;
  // The texts of a server that doesn't answer name the request that was made.
  return cause === "server" ? cause : `${cause} ${error.message}`;
}
