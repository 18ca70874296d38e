import { Cron } from "croner";
import type { JsonSchema } from "@axon-backup/sink";
import { DURATION_PATTERN, parseDuration } from "./duration.js";
import { duration, section } from "./schema-parts.js";
import type { SectionReader } from "./section-reader.js";
import { nearest } from "./suggest.js";

/** When something is done. Durations in milliseconds. */
export type Schedule =
  | { readonly kind: "every"; readonly milliseconds: number; readonly jitter: number }
  | {
      readonly kind: "cron";
      /** Five fields, or `@daily` and the like. */
      readonly expression: string;
      /** Of the IANA's list. */
      readonly timezone: string;
      readonly jitter: number;
    }
  | { readonly kind: "never" };

export const NEVER: Schedule = { kind: "never" };

/** A schedule as it is written, after the schema has been checked. */
export interface ScheduleKeys {
  readonly every?: string;
  readonly cron?: string;
  readonly timezone?: string;
  readonly jitter?: string;
}

/** More often than this is a mistake. Milliseconds. */
const LEAST_INTERVAL = 1000;

/** The keys of a section that says when. */
export const SCHEDULE_KEYS: Readonly<Record<string, JsonSchema>> = {
  every: {
    type: "string",
    pattern: `^never$|${DURATION_PATTERN}`,
    description: "The time from one to the next: a number and ms, s, m, h or d, as 1h; or never.",
  },
  cron: {
    type: "string",
    minLength: 1,
    description:
      "Instead: when by the clock, as five fields: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly. A time that the change to summer time leaves out comes an hour later; one that it repeats counts once, where it is for certain hours.",
  },
  timezone: {
    type: "string",
    minLength: 1,
    description: "The time zone of cron, as Europe/Berlin. Default UTC.",
  },
  jitter: duration(
    "Each sink comes later by a part of this that is its own, so that not all do the same at once. Default: at once.",
  ),
};

/** A section that says when, and maybe more. */
export function scheduleSection(description: string, more: Record<string, JsonSchema> = {}): JsonSchema {
  return section(description, { ...SCHEDULE_KEYS, ...more }, { dependentRequired: { timezone: ["cron"] } });
}

/** The schedule that the keys of a section say; undefined when they say none, or something is wrong and has been told. */
export function toSchedule(reader: SectionReader, keys: ScheduleKeys): Schedule | undefined {
  const { every, cron, timezone = "UTC", jitter: jitterText } = keys;
  if (every !== undefined && cron !== undefined) {
    reader.complain("cron", "every is there as well; one of them says when");
    return undefined;
  }
  const jitter = reader.read("jitter", jitterText, parseDuration) ?? 0;
  if (every === "never") return NEVER;
  if (every !== undefined) {
    const milliseconds = reader.read("every", every, parseInterval);
    if (milliseconds === undefined) return undefined;
    if (jitter > milliseconds) reader.complain("jitter", "must not be more than every");
    return { kind: "every", milliseconds, jitter };
  }
  if (cron === undefined) {
    if (jitterText !== undefined) reader.complain("jitter", "says by how much, and every or cron is missing");
    return undefined;
  }
  const zone = reader.read("timezone", timezone, parseTimezone);
  const expression = zone && reader.read("cron", cron, (text) => parseCron(text, zone));
  return expression === undefined || zone === undefined
    ? undefined
    : { kind: "cron", expression, timezone: zone, jitter };
}

function parseInterval(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds < LEAST_INTERVAL) throw new RangeError("too short: 1s at least");
  return milliseconds;
}

const FIELDS = ["minute", "hour", "day of the month", "month", "day of the week"];
const CRON_FORM =
  "write five fields, as 30 3 * * *: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly";

/**
 * A cron expression that can be kept to.
 * @throws RangeError whose message doesn't hold the expression
 */
function parseCron(text: string, timezone: string): string {
  const expression = text.trim().replace(/\s+/g, " ");
  const fields = expression.split(" ");
  if (!/^@[a-z]+$/i.test(expression) && fields.length !== FIELDS.length)
    throw new RangeError(`not a cron expression: ${CRON_FORM}`);
  const next = nextRun(expression, timezone);
  if (next === "invalid") {
    const wrong = fields.length === FIELDS.length ? fields.findIndex(isWrongField) : -1;
    throw new RangeError(
      wrong === -1
        ? `not a cron expression: ${CRON_FORM}`
        : `not a cron expression: the ${FIELDS[wrong] ?? "field"} can't be that; ${CRON_FORM}`,
    );
  }
  if (next === null) throw new RangeError("there is no such day: it would never be time");
  return expression;
}

function isWrongField(field: string, at: number): boolean {
  return nextRun(FIELDS.map((_, other) => (other === at ? field : "*")).join(" "), "UTC") === "invalid";
}

function nextRun(expression: string, timezone: string): Date | null | "invalid" {
  try {
    return new Cron(expression, { timezone, paused: true, mode: "5-part" }).nextRun();
  } catch {
    return "invalid";
  }
}

function parseTimezone(text: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    const near = nearest(text, Intl.supportedValuesOf("timeZone"));
    throw new RangeError(
      `there is no such time zone; ${near === undefined ? "write UTC, or one as Europe/Berlin" : `did you mean ${near}?`}`,
    );
  }
}
