const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** 1 January 1970 was a Thursday: so many days after a Monday. */
const DAYS_AFTER_MONDAY = 3;

/** The periods that restore points are thinned out by. */
export type Period = "hourly" | "daily" | "weekly" | "monthly" | "yearly";

/** From short to long. */
export const PERIODS: readonly Period[] = ["hourly", "daily", "weekly", "monthly", "yearly"];

/**
 * A number that two times have in common if, and only if, they are in the same hour, day, ISO week (Monday to Sunday), month or year: in UTC, which no summer time
 * makes longer or shorter, and which is what restore points are named by.
 */
export function periodOf(time: Date, period: Period): number {
  const milliseconds = time.getTime();
  switch (period) {
    case "hourly":
      return Math.floor(milliseconds / HOUR);
    case "daily":
      return Math.floor(milliseconds / DAY);
    case "weekly":
      return Math.floor((Math.floor(milliseconds / DAY) + DAYS_AFTER_MONDAY) / 7);
    case "monthly":
      return time.getUTCFullYear() * 12 + time.getUTCMonth();
    case "yearly":
      return time.getUTCFullYear();
  }
}
