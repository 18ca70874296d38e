import { formatDuration } from "../output/units.js";
import { type CheckRow, ok, warning } from "./types.js";

/** The time by another clock, and by this machine's before it was asked and after it answered. */
export interface ClockReading {
  readonly time: Date;
  readonly asked: Date;
  readonly answered: Date;
}

/** Milliseconds: clocks that are kept by NTP differ by less. */
const APART = 10_000;
/** Milliseconds that a time may lack, as it is told in whole seconds by servers, and in pairs of them by old file systems. */
const ROUNDED = 2000;

/**
 * Whether another clock and this machine's agree.
 * @param whose for people, as "the server's clock"
 */
export function clockRows(
  subject: string,
  whose: string,
  reading: ClockReading | undefined | null,
): readonly CheckRow[] {
  if (reading === undefined || reading === null) return [];
  const offset = leastOffset(reading);
  if (Math.abs(offset) <= APART) return [ok("clock", subject, `${whose} and this machine's agree`)];
  const by = formatDuration(Math.abs(offset));
  return [
    warning(
      "clock",
      subject,
      `${whose} is ${by} ${offset > 0 ? "ahead of" : "behind"} this machine's`,
      "Keep both by NTP (`timedatectl` tells whether this machine's is). Restore points are named by this machine's clock, events have the time of the applications', and retention takes the earlier of this machine's and the storage's.",
    ),
  ];
}

/** By how many milliseconds the other clock is ahead (below 0: behind), at least: it was read some time between asking and answering. */
function leastOffset({ time, asked, answered }: ClockReading): number {
  const least = time.getTime() - answered.getTime();
  const most = time.getTime() + ROUNDED - asked.getTime();
  return least > 0 ? least : Math.min(most, 0);
}
