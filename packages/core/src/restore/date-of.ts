/**
 * A time that an application gave an event: any int64.
 * @param time milliseconds since 1970
 * @returns null for none, and for one that no calendar has
 */
export function dateOf(time: number | undefined): Date | null {
  const date = new Date(time ?? NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}
