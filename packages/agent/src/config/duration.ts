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
