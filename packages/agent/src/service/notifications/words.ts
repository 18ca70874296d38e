import { problemText } from "../../config/problem.js";
import type { ErrorDescription } from "../../errors/describe-error.js";
import { formatDuration, formatTime, plural } from "../../output/units.js";
import type { Job } from "../model.js";
import type { Notice, Trouble } from "./conditions.js";

/** What a message says: a subject, and lines below it. */
export interface Words {
  readonly subject: string;
  readonly lines: readonly string[];
}

const MAX_PROBLEMS = 20;

/** In words. Everything in `notice` is clean already. */
export function wordsOf(notice: Notice, now: Date): Words {
  const { trouble, since, reminder } = notice;
  const began = `since ${formatTime(since)} (${formatDuration(now.getTime() - since.getTime())})`;
  if (notice.event === "recovered" || notice.event === "on-time") return overWords(trouble, began);
  const { subject, lines } = troubleWords(trouble, began);
  return reminder
    ? { subject: `still: ${subject}`, lines: ["This has been told before, and it lasts.", ...lines] }
    : { subject, lines };
}

/** What fails, and what works again. */
const JOBS: Readonly<Record<Job, string>> = {
  "restore-point": "making restore points",
  follow: "storing new events",
  verify: "verifying",
  prune: "pruning",
};

function troubleWords(trouble: Trouble, began: string): Words {
  switch (trouble.kind) {
    case "failed": {
      const { sink, job, failure } = trouble;
      const retry = failure.retry ? ` It is tried again at ${formatTime(failure.retry)}.` : "";
      return {
        subject: `sink ${sink}: ${JOBS[job]} fails`,
        lines: [
          `On the sink ${sink}, ${JOBS[job]} fails, ${began}, ${plural(failure.attempts, "time")} in a row.${retry}`,
          ...errorLines(failure.error),
        ],
      };
    }
    case "damage": {
      const { sink, objects, count } = trouble;
      const more = count - objects.length;
      return {
        subject: `sink ${sink}: ${plural(count, "object")} damaged`,
        lines: [
          `On the sink ${sink}, ${plural(count, "object is", "objects are")} damaged or missing, known ${began}.`,
          ...(objects.length > 0 ? ["", ...objects.map((name) => `  ${name}`)] : []),
          ...(objects.length > 0 && more > 0 ? [`  and ${plural(more, "other")}`] : []),
          "",
          `What to do: the next backup stores again what the server still has. \`axon-backup verify --sink ${sink} --read-data\` shows what is damaged, and which restore points that concerns; look for the reason in the storage.`,
        ],
      };
    }
    case "late":
      return {
        subject: `sink ${trouble.sink}: ${LATE[trouble.what]}`,
        lines: [
          `The sink ${trouble.sink} isn't what its promise (promise.${PROMISE_KEYS[trouble.what]}) says, ${began}: ${trouble.reason}.`,
          ...(trouble.why === undefined ? [] : [`Why: ${trouble.why}`]),
          "",
          `What to do: \`axon-backup status --sink ${trouble.sink}\` and the service's log tell what holds it up. Nothing is lost as long as the server has its files.`,
        ],
      };
    case "configuration-rejected":
      return {
        subject: "the new configuration is wrong, and isn't used",
        lines: [
          `The configuration was changed and is wrong, ${began}. The service goes on with the one before.`,
          ...errorLines(trouble.error),
        ],
      };
    case "diverged":
      return {
        subject: `sink ${trouble.sink}: the server's history isn't the one that was backed up`,
        lines: [
          `The server's history isn't the one that the sink ${trouble.sink} has. A new timeline was begun; what was stored before stays restorable.`,
          "",
          ...trouble.timelines.map(
            ({ context, timeline, from, reason, resumed }) =>
              `  ${context}: ${reason}; ${resumed ? "goes on in" : "is now"} timeline ${timeline}${from ? `, and was ${from.timeline}` : ""}`,
          ),
          "",
          "What to do: after a restore of the server, this is as it should be. If nobody restored it, find out what happened to its event store: `axon-backup diff` compares restore points.",
        ],
      };
  }
}

const LATE = { lag: "new events wait for too long", restorePoint: "the newest restore point is too old" };
const PROMISE_KEYS = { lag: "lag", restorePoint: "restore_point" };

function overWords(trouble: Trouble, began: string): Words {
  switch (trouble.kind) {
    case "failed":
      return {
        subject: `sink ${trouble.sink}: ${JOBS[trouble.job]} works again`,
        lines: [
          `On the sink ${trouble.sink}, ${JOBS[trouble.job]} works again. It had failed ${began}.`,
          `The last error was: ${trouble.failure.error.message}`,
        ],
      };
    case "damage":
      return {
        subject: `sink ${trouble.sink}: the damage is mended`,
        lines: [
          `On the sink ${trouble.sink}, no object is known to be damaged any more. Some had been ${began}.`,
        ],
      };
    case "late":
      return {
        subject: `sink ${trouble.sink}: ${trouble.what === "lag" ? "new events are stored in time again" : "there is a new restore point again"}`,
        lines: [
          `The sink ${trouble.sink} is what its promise (promise.${PROMISE_KEYS[trouble.what]}) says again. It hadn't been ${began}.`,
        ],
      };
    case "configuration-rejected":
      return {
        subject: "the configuration is right again",
        lines: [`The configuration is right again, and in use. It had been wrong ${began}.`],
      };
    case "diverged":
      // It is something that happened, and is never over.
      return { subject: `sink ${trouble.sink}: a new timeline`, lines: [] };
  }
}

function errorLines({ message, causes, remedy, problems = [] }: ErrorDescription): readonly string[] {
  return [
    "",
    `What: ${message}`,
    ...problems.slice(0, MAX_PROBLEMS).map((problem) => `  ${problemText(problem)}`),
    ...causes.map((cause) => `Why: ${cause}`),
    ...(remedy === undefined ? [] : [`What to do: ${remedy}`]),
  ];
}
