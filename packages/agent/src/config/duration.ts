const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration as the operator writes it: a number and ms, s, m, h or d. */
export const DURATION_PATTERN = "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$";

/**
 * Milliseconds of `10s`, `500ms`, `1.5h`.
 * @throws RangeError if `text` isn't a duration, or longer than timers can be (24 days)
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const milliseconds = Math.round(Number(match?.[1]) * (UNITS[match?.[2] ?? ""] ?? NaN));
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 1 || milliseconds > 2 ** 31 - 1)
    throw new RangeError("not a duration: write a number and ms, s, m, h or d, as 10s; 1ms to 24d");
  return milliseconds;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SPAN_UNITS: Readonly<Record<string, number>> = { h: HOUR, d: DAY, w: 7 * DAY, y: 365 * DAY };

/** A time to keep something for: a number and h, d, w or y. No months: `m` is minutes elsewhere. */
export const SPAN_PATTERN = "^[0-9]+(\\.[0-9]+)?(h|d|w|y)$";

/**
 * Milliseconds of `36h`, `14d`, `2w`, `10y`; a year has 365 days.
 * @throws RangeError if `text` isn't one, or longer than 1000 years
 */
export function parseSpan(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(h|d|w|y)$/.exec(text);
  const milliseconds = Math.round(Number(match?.[1]) * (SPAN_UNITS[match?.[2] ?? ""] ?? NaN));
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 1 || milliseconds > 1000 * 365 * DAY)
    throw new RangeError("not a span of time: write a number and h, d, w or y, as 14d; up to 1000y");
  return milliseconds;
}
