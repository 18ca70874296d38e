/**
 * What a caller can do about a failure:
 *
 * - `not-found`: there is no object under this key.
 * - `range`: the range asked for begins beyond the object's end.
 * - `denied`: the storage refuses these credentials or permissions. Trying again doesn't help.
 * - `invalid`: the request or the configuration is wrong, or the storage can't do what the contract asks. Trying again doesn't help.
 * - `full`: no space or quota left.
 * - `conflict`: the condition of a conditional put doesn't hold.
 * - `transient`: anything that may go away by itself: connection lost, time-out, server busy. The engine tries again.
 */
export type SinkErrorKind = "not-found" | "range" | "denied" | "invalid" | "full" | "conflict" | "transient";

/** Every kind, for checks at run time. */
export const SINK_ERROR_KINDS: readonly SinkErrorKind[] = [
  "not-found",
  "range",
  "denied",
  "invalid",
  "full",
  "conflict",
  "transient",
];

/** What an error carries besides its message. */
export interface SinkErrorOptions {
  /** The error that the storage or its SDK gave: kept whole, so that nothing is hidden. */
  readonly cause?: unknown;
  /** What the operator can do, as a sentence: "Give the user axonbackup write access to /mnt/nas/axon." */
  readonly remedy?: string;
}

/** The only kind of error that a sink's methods reject with, besides the reason of an aborted signal and errors of the source. */
export class SinkError extends Error {
  override readonly name = "SinkError";
  readonly kind: SinkErrorKind;
  /** What the operator can do about it, if the sink knows. */
  readonly remedy: string | undefined;

  /** @param message what failed and where, so that it reads on after "put contexts/…: " */
  constructor(kind: SinkErrorKind, message: string, options: SinkErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.kind = kind;
    this.remedy = options.remedy;
  }
}

/**
 * Whether `error` is a SinkError, of `kind` if given. Compares names rather than constructors: a plugin may bring its own copy of
 * this package.
 */
export function isSinkError(error: unknown, kind?: SinkErrorKind): error is SinkError {
  if (!(error instanceof Error) || error.name !== "SinkError" || !("kind" in error)) return false;
  return kind === undefined ? SINK_ERROR_KINDS.includes(error.kind as SinkErrorKind) : error.kind === kind;
}
