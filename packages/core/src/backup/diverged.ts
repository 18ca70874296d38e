import type { StoreKind } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";

/** The server's history of a context isn't the one that was backed up. What follows, `timeline.ts` decides. */
export class Diverged extends EngineError {
  /** @param reason what was found, as a sentence without a full stop */
  constructor(
    readonly reason: string,
    message = `the server's history is not the one that this sink has: ${reason}`,
    remedy = "Nothing was changed on the sink. Find out why before anything else.",
  ) {
    super("diverged", message, remedy);
  }
}

/** @param what what was found, reading on after the store's name */
export function diverged(context: string, store: StoreKind, what: string): Diverged {
  return new Diverged(`${context} (${store}): ${what}`);
}
