import { plural } from "../../output/units.js";
import { cleanTrouble } from "./clean.js";
import type { Notice } from "./conditions.js";
import {
  cleaner,
  type Message,
  type MessageContext,
  messageOf,
  partsOf,
  severityOf,
  written,
} from "./message.js";
import { wordsOf } from "./words.js";

/** Of one cause, so many are told in full. */
const MAX_TOGETHER = 20;

/** What is told to people and programs of notices that have one cause: the worst one, and the others with it. */
export function messageOfAll(notices: readonly [Notice, ...Notice[]], context: MessageContext): Message {
  const [first, ...others] = sorted(notices);
  const message = messageOf(first, context);
  if (others.length === 0) return message;
  const clean = cleaner(context);
  const all = [first, ...others].slice(0, MAX_TOGETHER);
  const words = all.map((notice) =>
    wordsOf({ ...notice, trouble: cleanTrouble(notice.trouble, clean) }, context.now),
  );
  const rest = others.length + 1 - all.length;
  const lines = words.flatMap(({ subject, lines: below }, i) => [
    ...(i === 0 ? [] : ["", "-".repeat(20), ""]),
    subject,
    "",
    ...below,
  ]);
  const isOfOne = others.every(({ trouble }) => "sink" in trouble && trouble.sink === message.sink);
  return {
    ...message,
    // What concerns several isn't one's.
    sink: isOfOne ? message.sink : null,
    also: others.map((notice) => {
      const { event, since, reminder, sink, job, promise, subject } = partsOf(notice, context);
      return { event, since, reminder, sink, job, promise, subject };
    }),
    ...written(
      groupSubject([first, ...others], words[0]?.subject ?? ""),
      [...lines, ...(rest > 0 ? ["", `And ${rest} more.`] : [])],
      context,
      clean,
    ),
  };
}

function groupSubject(notices: readonly [Notice, ...Notice[]], first: string): string {
  const [{ event, trouble }] = notices;
  const same = notices.filter((notice) => notice.event === event);
  const sinks = new Set(same.map(({ trouble: one }) => ("sink" in one ? one.sink : "")));
  const cause = trouble.kind === "failed" ? trouble.failure.cause : "sink";
  if (sinks.size > 1 && event === "recovered") return `${sinks.size} sinks work again`;
  if (sinks.size > 1 && event === "failed" && cause !== "sink")
    return `${CAUSES[cause]}: ${sinks.size} sinks fail`;
  return `${first}, and ${plural(notices.length - 1, "more trouble", "more troubles")}`;
}

const CAUSES = { server: "the server can't be asked", files: "the server's files can't be read" };

const RANKS = { error: 0, warning: 1, info: 2 };

/** The worst first; of equally bad ones the oldest. */
function sorted([first, ...others]: readonly [Notice, ...Notice[]]): readonly [Notice, ...Notice[]] {
  const all = [first, ...others].sort(
    (one, other) =>
      RANKS[severityOf(one)] - RANKS[severityOf(other)] || one.since.getTime() - other.since.getTime(),
  );
  return all as unknown as readonly [Notice, ...Notice[]];
}
