/** What the server would refuse, with the code that it gives. */
export class StandinError extends Error {
  override readonly name = "StandinError";

  constructor(
    /** For example `AXONIQ-2001`. */
    readonly code: string,
    message: string,
  ) {
    super(`[${code}] ${message}`);
  }
}
