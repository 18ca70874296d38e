/** Bytes of the longest varint. */
export const MAX_VARINT = 10;
/** The low 49 bits of a varint are exact in a double; the upper ones are kept apart. */
export const LOW_BYTES = 7;
const LOW_SPAN = 2 ** 49;
const HIGH_SPAN = 2 ** 15;

/** A varint as an int64, beyond 2^53 the nearest number that there is. @param low what its first seven bytes are worth; @param high the others */
export function int64(low: number, high: number): number {
  const bits = high % HIGH_SPAN;
  // Signed: a negative int64 has its 64th bit set.
  return (bits >= HIGH_SPAN / 2 ? bits - HIGH_SPAN : bits) * LOW_SPAN + low;
}
