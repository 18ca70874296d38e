import type { Budget, Notice, PutRate } from "@axon-backup/core";
import type { JsonSchema } from "@axon-backup/sink";
import { BUDGET_PATTERN, parseBudget } from "./budget.js";
import { parseDuration } from "./duration.js";
import type { ConfigurationProblem } from "./problem.js";
import { NEVER, type Schedule, type ScheduleKeys, scheduleSection, toSchedule } from "./schedule.js";
import { duration, section } from "./schema-parts.js";
import { SectionReader } from "./section-reader.js";
import type { YamlFile } from "./yaml-file.js";

/** What `axon-backup run` does for a sink, and when. */
export interface SinkService {
  /** When restore points are made. */
  readonly schedule: Schedule;
  readonly continuous: ContinuousConfiguration;
  readonly verify: VerifyConfiguration;
  /** When retention is applied. Undefined where nobody has said: then it depends on whether there are rules. */
  readonly prune: Schedule | undefined;
  readonly promise: PromiseConfiguration;
}

/** Between restore points. Durations in milliseconds. */
export interface ContinuousConfiguration {
  readonly enabled: boolean;
  readonly interval: number;
  /** How often an open segment's copy may be stored anew, where a storage can't be added to. */
  readonly maxPutRate: PutRate;
  /** How it is noticed that there is something new. The same for all sinks. */
  readonly notice: Notice;
}

export interface VerifyConfiguration {
  readonly schedule: Schedule;
  /** Whether data is read, or objects are listed alone. */
  readonly readData: boolean;
  /** How much is read, and for how many milliseconds; no limit if left out. */
  readonly budget?: Budget;
  readonly within?: number;
}

/** What a sink is held to, in milliseconds; the defaults follow from the rest where it is undefined. */
export interface PromiseConfiguration {
  readonly lag: number | undefined;
  readonly restorePoint: number | undefined;
}

const HOUR = 3_600_000;

export const DEFAULT_SINK_SERVICE: SinkService = {
  schedule: { kind: "every", milliseconds: HOUR, jitter: 0 },
  continuous: { enabled: true, interval: 1000, maxPutRate: { count: 60, per: HOUR }, notice: "auto" },
  verify: {
    schedule: { kind: "cron", expression: "30 3 * * *", timezone: "UTC", jitter: 900_000 },
    readData: true,
    budget: { share: 0.05 },
  },
  prune: undefined,
  promise: { lag: undefined, restorePoint: undefined },
};

/** When retention is applied where there are rules and nothing else was said. */
const DEFAULT_PRUNE: Schedule = { kind: "cron", expression: "0 5 * * *", timezone: "UTC", jitter: 900_000 };

/** The sections, as they are written, after the schema has been checked. */
export interface SinkServiceKeys {
  readonly schedule?: ScheduleKeys | undefined;
  readonly continuous?:
    | {
        readonly enabled?: boolean;
        readonly interval?: string;
        readonly max_put_rate?: string;
        readonly notice?: Notice;
      }
    | undefined;
  readonly verify?:
    | (ScheduleKeys & {
        readonly budget?: string;
        readonly for?: string;
        readonly depth?: "objects" | "data";
      })
    | undefined;
  readonly prune?: ScheduleKeys | undefined;
  readonly promise?: { readonly lag?: string; readonly restore_point?: string } | undefined;
}

const RATE_PATTERN = "^[1-9][0-9]*/(s|m|h|d)$";
const WHERE = "A sink's own section takes the place of agent.yaml's, as a whole.";

const continuousSection = (more: Record<string, JsonSchema> = {}): JsonSchema =>
  section(`How new events get to the sink between restore points. ${WHERE}`, {
    enabled: { type: "boolean", description: "false: only restore points are made. Default true." },
    interval: duration(
      "How often the server's files are looked at; the shortest of all sinks counts. Default 1s.",
    ),
    max_put_rate: {
      type: "string",
      pattern: RATE_PATTERN,
      description:
        "How often the copy of a segment that is being written may be stored anew, as a whole, when it has more than 8 MiB, on storages that can't add to an object: a number and /s, /m, /h or /d, as 60/h. New events get there at once all the same, in small objects. Default 60/h.",
    },
    ...more,
  });

/** The sections of a sink's file that `axon-backup run` goes by. */
export const SINK_SERVICE_KEYS: Readonly<Record<string, JsonSchema>> = {
  schedule: scheduleSection(
    `When \`axon-backup run\` makes restore points. What was missed while the machine was off is made up for, once. Default: every: 1h. ${WHERE}`,
  ),
  continuous: continuousSection(),
  verify: scheduleSection(
    `When \`axon-backup run\` verifies what is stored, and how much of it. Default: cron: "30 3 * * *", jitter: 15m, budget: 5%. ${WHERE}`,
    {
      budget: {
        type: "string",
        pattern: BUDGET_PATTERN,
        description:
          "How much is read each time: 10GiB, or a part of what there is, 5%. What was read the longest ago comes first. Default 5%; without limit, write 100%.",
      },
      for: duration("Begin no further object after this time. Default: no limit."),
      depth: {
        enum: ["objects", "data"],
        description:
          "objects: one listing, nothing is read. data: bytes are read and compared with their hashes. Default data.",
      },
    },
  ),
  prune: scheduleSection(
    `When \`axon-backup run\` applies the sink's retention. Default: cron: "0 5 * * *", jitter: 15m, if the sink has retention; else never. ${WHERE}`,
  ),
  promise: section(`What the sink is held to: when it isn't, that is reported. ${WHERE}`, {
    lag: duration(
      "How long a new event may wait until it is on the sink. Default, where continuous is on: 2m, or twice its interval if that is longer.",
    ),
    restore_point: duration(
      "How old the newest restore point may be. Default: twice the time between two of the schedule, and 10 minutes.",
    ),
  }),
};

/** The same sections of agent.yaml: what they say is every sink's default. */
export const AGENT_SERVICE_KEYS: Readonly<Record<string, JsonSchema>> = {
  ...SINK_SERVICE_KEYS,
  continuous: continuousSection({
    notice: {
      enum: ["auto", "files", "server"],
      description:
        "For all sinks: how it is noticed that there is something new. files: by the server's files. server: by asking the server, and the files only then, which is less work for a network file system. auto: server where the storage is on a network file system, else files. Default auto.",
    },
  }),
};

/** What the sections of a file say; `defaults` for those that aren't there. */
export function toSinkService(
  file: YamlFile,
  keys: SinkServiceKeys,
  defaults: SinkService,
): SinkService | { readonly problems: readonly ConfigurationProblem[] } {
  const problems: ConfigurationProblem[] = [];
  const reader = (name: string): SectionReader => new SectionReader(file, [name], problems);
  const whenOf = (name: string, section: ScheduleKeys, otherwise: Schedule): Schedule =>
    toSchedule(reader(name), section) ?? otherwise;
  const { schedule, continuous, verify, prune, promise } = keys;
  const service: SinkService = {
    schedule: schedule ? whenOf("schedule", schedule, DEFAULT_SINK_SERVICE.schedule) : defaults.schedule,
    continuous: continuous
      ? toContinuous(reader("continuous"), continuous, defaults.continuous.notice)
      : defaults.continuous,
    verify: verify ? toVerify(reader("verify"), verify) : defaults.verify,
    prune: prune ? whenOf("prune", prune, DEFAULT_PRUNE) : defaults.prune,
    promise: promise ? toPromise(reader("promise"), promise) : defaults.promise,
  };
  return problems.length > 0 ? { problems } : service;
}

/** When retention is applied to a sink. */
export function pruneSchedule({ prune }: SinkService, hasRules: boolean): Schedule {
  return prune ?? (hasRules ? DEFAULT_PRUNE : NEVER);
}

function toContinuous(
  reader: SectionReader,
  keys: NonNullable<SinkServiceKeys["continuous"]>,
  notice: Notice,
): ContinuousConfiguration {
  const { continuous } = DEFAULT_SINK_SERVICE;
  return {
    enabled: keys.enabled ?? continuous.enabled,
    interval: reader.read("interval", keys.interval, parseDuration) ?? continuous.interval,
    maxPutRate: reader.read("max_put_rate", keys.max_put_rate, parseRate) ?? continuous.maxPutRate,
    notice: keys.notice ?? notice,
  };
}

function toVerify(reader: SectionReader, keys: NonNullable<SinkServiceKeys["verify"]>): VerifyConfiguration {
  const { verify } = DEFAULT_SINK_SERVICE;
  const schedule = toSchedule(reader, keys) ?? verify.schedule;
  const budget = reader.read("budget", keys.budget, parseBudget) ?? verify.budget;
  const within = reader.read("for", keys.for, parseDuration);
  if (keys.depth !== "objects")
    return { schedule, readData: true, ...(budget && { budget }), ...(within !== undefined && { within }) };
  for (const key of ["budget", "for"] as const)
    if (keys[key] !== undefined) reader.complain(key, "is for depth: data; with objects, nothing is read");
  return { schedule, readData: false };
}

function toPromise(
  reader: SectionReader,
  keys: NonNullable<SinkServiceKeys["promise"]>,
): PromiseConfiguration {
  return {
    lag: reader.read("lag", keys.lag, parseDuration),
    restorePoint: reader.read("restore_point", keys.restore_point, parseDuration),
  };
}

/** `60/h`. @throws RangeError */
function parseRate(text: string): PutRate {
  const [digits, unit = ""] = text.split("/");
  const count = Number(digits);
  const per = parseDuration(`1${unit}`);
  if (!(count >= 1 && count <= per)) throw new RangeError("not a rate: from 1/d to 1000/s");
  return { count, per };
}
