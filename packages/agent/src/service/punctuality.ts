import { lateContexts, latenessOf, type SinkFacts } from "./health.js";
import type { ServiceEvent, SinkPromise } from "./model.js";

const PROMISES: readonly (keyof SinkPromise)[] = ["lag", "restorePoint"];

/** Remembers which promises aren't kept, and tells when that changes. */
export class Punctuality {
  readonly #late = new Map<string, ReadonlySet<keyof SinkPromise>>();

  /** What there is to tell of these sinks now. Those that aren't among them are forgotten. */
  look(sinks: readonly SinkFacts[], now: Date): readonly ServiceEvent[] {
    const events: ServiceEvent[] = [];
    const names = new Set(sinks.map(({ name }) => name));
    for (const name of this.#late.keys()) if (!names.has(name)) this.#late.delete(name);
    for (const facts of sinks) {
      const reasons = latenessOf(facts, now);
      const before = this.#late.get(facts.name);
      const late = new Set(PROMISES.filter((what) => reasons[what] !== undefined));
      this.#late.set(facts.name, late);
      for (const what of PROMISES) {
        const reason = reasons[what];
        if (reason !== undefined && before?.has(what) !== true)
          events.push({
            kind: "late",
            sink: facts.name,
            at: now,
            what,
            reason,
            contexts: what === "lag" ? lateContexts(facts, now) : [],
          });
        if (reason === undefined && before?.has(what) === true)
          events.push({ kind: "on-time", sink: facts.name, at: now, what });
      }
    }
    return events;
  }
}
