import { UsageError } from "../errors/usage-error.js";

/** Year to minutes; seconds with a fraction; zone. */
const FORM =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?$/;
const MINUTE = 60_000;

/**
 * A moment in ISO 8601 with its zone: `2026-11-24T06:30:00Z`, `2026-11-24T07:30+01:00`. Digits below the millisecond are dropped, as events have none.
 * @throws UsageError, which shows how it is written
 */
export function parseTime(text: string): Date {
  const shown = JSON.stringify(text.slice(0, 80));
  const match = FORM.exec(text);
  if (!match) throw new UsageError(`${shown} is not a time`, howTo);
  const [, year, month, day, hour, minute, second = "0", fraction = ""] = match;
  const parts = [year, month, day, hour, minute, second].map(Number);
  const local = Date.UTC(...clockOf(parts)) + Number(fraction.slice(0, 3).padEnd(3, "0"));
  const zone = match.groups?.["zone"];
  const offset = zone === undefined ? 0 : offsetOf(zone);
  if (!isClock(new Date(local), parts) || offset === undefined)
    throw new UsageError(`${shown} is a time that doesn't exist`, howTo);
  if (zone !== undefined) return new Date(local - offset * MINUTE);
  throw new UsageError(
    `${shown} has no zone: it is another moment in each`,
    `Add Z for UTC (${text}Z), or the zone's distance from it: ${text}${offsetHere(new Date(...clockOf(parts)))} is that time by this machine's clock.`,
  );
}

const howTo = "Write it as ISO 8601 with a zone: 2026-11-24T06:30:00Z in UTC, or 2026-11-24T07:30:00+01:00.";

type Clock = [year: number, month: number, day: number, hour: number, minute: number, second: number];

/** As `Date` takes it: months count from 0. */
function clockOf([year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0]: readonly number[]): Clock {
  return [year, month - 1, day, hour, minute, second];
}

/** Whether it wasn't rounded: there is no 30 February. */
function isClock(time: Date, [year, month = 1, day, hour, minute, second]: readonly number[]): boolean {
  return (
    time.getUTCFullYear() === year &&
    time.getUTCMonth() === month - 1 &&
    time.getUTCDate() === day &&
    time.getUTCHours() === hour &&
    time.getUTCMinutes() === minute &&
    time.getUTCSeconds() === second
  );
}

/** Minutes east of UTC. */
function offsetOf(zone: string): number | undefined {
  if (zone === "Z" || zone === "z") return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(3).replace(":", "") || "0")];
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

/** This machine's zone at a time, as it is written. */
function offsetHere(time: Date): string {
  const east = -time.getTimezoneOffset();
  const digits = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${east < 0 ? "-" : "+"}${digits(Math.abs(east) / 60)}:${digits(Math.abs(east) % 60)}`;
}
