declare const logIndexBrand: unique symbol;

/**
 * The position of an entry in a replication group's log: 1, 2, 3, …, without gaps. A log entry segment's number is the index of its first entry. 64-bit integers in Axon Server;
 * ours are checked safe integers, as tokens are.
 */
export type LogIndex = number & { readonly [logIndexBrand]: true };

/**
 * `value` as a log index.
 * @throws RangeError if it isn't an integer from 1 to 2^53 - 1.
 */
export function logIndex(value: number): LogIndex {
  if (!isLogIndex(value)) throw new RangeError(`not the index of a log entry: ${value}`);
  return value;
}

/** Whether `value` is an integer from 1 to 2^53 - 1. */
export function isLogIndex(value: unknown): value is LogIndex {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}
