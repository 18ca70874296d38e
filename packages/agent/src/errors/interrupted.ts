/** What asks the process to end: a person, the system, a terminal that is closed. */
export const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The reason of the abort signal when a person or the system ends the process. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(readonly signalName: (typeof SIGNALS)[number]) {
    super(`interrupted by ${signalName}`);
  }
}
