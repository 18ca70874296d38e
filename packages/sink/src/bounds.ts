import { SinkError } from "./errors.js";
import type { ByteRange } from "./sink.js";

/** For a sink's `get`. @throws SinkError `invalid` if an offset or a length isn't a number of bytes */
export function checkRange(range: Partial<ByteRange> | undefined): void {
  const { offset = 0, length = 0 } = range ?? {};
  for (const value of [offset, length])
    if (!isBytes(value)) throw new SinkError("invalid", `${value} is not an offset or a length in bytes`);
}

/** For a sink's `extend`. @throws SinkError `invalid` if what is to be kept isn't a number of bytes */
export function checkKeep(keep: number): void {
  if (!isBytes(keep)) throw new SinkError("invalid", `can't keep ${keep} bytes: not a number of bytes`);
}

function isBytes(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
