/** Numbers from 0 to below 1 that a seed repeats (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed that an environment variable gives, to repeat a run; a new one without it. */
export function seedFrom(variable: string): number {
  const text = process.env[variable];
  if (text === undefined || text === "") return Math.floor(Math.random() * 2 ** 32);
  if (!/^\d{1,10}$/.test(text)) throw new RangeError(`${variable} must be a whole number, not ${text}`);
  return Number(text);
}
