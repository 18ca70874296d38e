/** The reason of the abort signal when a person or the system ends the process. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(readonly signalName: "SIGINT" | "SIGTERM") {
    super(`interrupted by ${signalName}`);
  }
}
