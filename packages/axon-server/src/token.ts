declare const tokenBrand: unique symbol;

/**
 * The position of an event (or of a snapshot, in its own store): 0, 1, 2, …, without gaps. A segment's number is the token of its first event.
 * Axon Server's are 64-bit integers; ours are checked safe integers (up to 2^53 - 1, nine million events a second for thirty years), one
 * choice everywhere, so that they can stand in JSON as they are.
 */
export type Token = number & { readonly [tokenBrand]: true };

/**
 * `value` as a token.
 * @throws RangeError if it isn't an integer from 0 to 2^53 - 1.
 */
export function token(value: number): Token {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a token: ${value}`);
  return value as Token;
}

/** Whether `value` is an integer from 0 to 2^53 - 1. */
export function isToken(value: unknown): value is Token {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
