import { printable } from "../../output/printable.js";
import { VERSION } from "../../version.js";
import type { ErrorDescription } from "../../errors/describe-error.js";
import type { Job } from "../model.js";
import { cleanTrouble } from "./clean.js";
import type { Notice } from "./conditions.js";
import { wordsOf } from "./words.js";

/** What is told, as programs get it. docs/notifications.md describes it: members may be added, those that are there stay. */
export interface Message {
  readonly version: 1;
  /** The same in each attempt to deliver it. */
  readonly id: string;
  readonly event: Notice["event"] | "test";
  readonly severity: "error" | "warning" | "info";
  /** When it was decided to tell it, and when the trouble began; ISO 8601, UTC. */
  readonly time: string;
  readonly since: string | null;
  readonly reminder: boolean;
  /** The machine that axon-backup runs on. */
  readonly host: string;
  /** Axon Server's own name; null when it wasn't reached yet. */
  readonly server: string | null;
  readonly agent: string;
  readonly sink: string | null;
  /** Of failed and its recovered. */
  readonly job: Job | null;
  /** Of late and on-time. */
  readonly promise: "lag" | "restore-point" | null;
  readonly error: {
    readonly message: string;
    readonly causes: readonly string[];
    readonly remedy: string | null;
    /** Of configuration-rejected: what is wrong, and where. */
    readonly problems: readonly {
      readonly file: string;
      readonly line: number | null;
      readonly column: number | null;
      readonly key: string;
      readonly message: string;
    }[];
  } | null;
  /** Of failed: how often in a row. */
  readonly attempts: number | null;
  /** Of damage: how many, and the first 20. */
  readonly damagedObjects: number | null;
  readonly objects: readonly string[];
  /** Of diverged. */
  readonly timelines: readonly {
    readonly context: string;
    readonly timeline: number;
    readonly from: number | null;
    readonly reason: string;
  }[];
  /** What else is told, of the same cause. */
  readonly also: readonly {
    readonly event: Notice["event"];
    readonly since: string;
    readonly reminder: boolean;
    readonly sink: string | null;
    readonly job: Job | null;
    readonly promise: "lag" | "restore-point" | null;
    readonly subject: string;
  }[];
  /** One line. */
  readonly subject: string;
  /** For people, in lines. */
  readonly text: string;
}

/** What a message needs from around it. */
export interface MessageContext {
  readonly id: string;
  readonly now: Date;
  readonly host: string;
  readonly server: string | undefined;
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string;
}

/** Longer texts of errors are cut: those of servers may be whole pages. */
const MAX_TEXT = 2000;
const MAX_SUBJECT = 160;

/** Texts come from servers and storages: no secrets, and nothing that steers a terminal. */
export function cleaner(context: MessageContext): (text: string) => string {
  return (text) => {
    const whole = printable(context.redact(text));
    return whole.length <= MAX_TEXT ? whole : `${whole.slice(0, MAX_TEXT)}…`;
  };
}

/** What is told to people and programs of a notice. */
export function messageOf(notice: Notice, context: MessageContext): Message {
  const { lines, subject, ...parts } = partsOf(notice, context);
  return {
    ...basis(context, cleaner(context)),
    ...parts,
    also: [],
    ...written(subject, lines, context, cleaner(context)),
  };
}

/** What a message says of one notice. */
export function partsOf(notice: Notice, context: MessageContext) {
  const { trouble } = notice;
  const clean = cleaner(context);
  const cleaned = cleanTrouble(trouble, clean);
  const { subject, lines } = wordsOf({ ...notice, trouble: cleaned }, context.now);
  const failure = cleaned.kind === "failed" ? cleaned.failure : undefined;
  const error = failure?.error ?? (cleaned.kind === "configuration-rejected" ? cleaned.error : undefined);
  return {
    event: notice.event,
    severity: severityOf(notice),
    since: notice.since.toISOString(),
    reminder: notice.reminder,
    sink: "sink" in cleaned ? cleaned.sink : null,
    job: failure?.job ?? null,
    promise: cleaned.kind === "late" ? PROMISES[cleaned.what] : null,
    error: error ? errorOf(error) : null,
    attempts: failure?.attempts ?? null,
    damagedObjects: cleaned.kind === "damage" ? cleaned.count : null,
    objects: cleaned.kind === "damage" ? cleaned.objects : [],
    timelines:
      cleaned.kind === "diverged"
        ? cleaned.timelines.map(({ context: name, timeline, from, reason }) => ({
            context: name,
            timeline,
            from: from?.timeline ?? null,
            reason,
          }))
        : [],
    subject,
    lines,
  };
}

/** The message that shows that a channel works. */
export function testMessage(channel: string, context: MessageContext): Message {
  const clean = (text: string): string => printable(context.redact(text));
  return {
    ...basis(context, clean),
    event: "test",
    severity: "info",
    since: null,
    reminder: false,
    sink: null,
    job: null,
    promise: null,
    error: null,
    attempts: null,
    damagedObjects: null,
    objects: [],
    timelines: [],
    also: [],
    ...written(
      "a test: this channel works",
      [`This is a test of the channel ${channel}. Nothing is wrong.`],
      context,
      clean,
    ),
  };
}

function errorOf({ message, causes, remedy, problems = [] }: ErrorDescription): Message["error"] {
  return {
    message,
    causes,
    remedy: remedy ?? null,
    problems: problems.map(({ file, line, column, key, message: what }) => ({
      file,
      line: line ?? null,
      column: column ?? null,
      key,
      message: what,
    })),
  };
}

const PROMISES = { lag: "lag", restorePoint: "restore-point" } as const;

function basis({ id, now, host, server }: MessageContext, clean: (text: string) => string) {
  return {
    version: 1 as const,
    id,
    time: now.toISOString(),
    host: clean(host),
    server: server === undefined ? null : clean(server),
    agent: `axon-backup ${VERSION}`,
  };
}

/** A message's texts. */
export function written(
  subject: string,
  lines: readonly string[],
  { host, server }: MessageContext,
  clean: (text: string) => string,
) {
  const line = clean(`axon-backup on ${host}: ${subject}`);
  const about = server === undefined ? `Host ${host}` : `Axon Server ${server}, backed up by host ${host}`;
  return {
    subject: line.length <= MAX_SUBJECT ? line : `${line.slice(0, MAX_SUBJECT - 1)}…`,
    text: `${[...lines, "", clean(`${about}. axon-backup ${VERSION}.`)].join("\n")}\n`,
  };
}

export function severityOf({ event }: Notice): Message["severity"] {
  switch (event) {
    case "failed":
    case "damage":
      return "error";
    case "diverged":
    case "late":
    case "configuration-rejected":
      return "warning";
    case "recovered":
    case "on-time":
      return "info";
  }
}
