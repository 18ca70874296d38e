import type { Clock } from "@axon-backup/core";
import { problemText } from "../config/problem.js";
import type { Log } from "../output/log.js";
import { formatBytes, formatCount, formatDuration, plural } from "../output/units.js";
import { ToldTroubles } from "./told-troubles.js";
import { MESSAGE_IDS } from "./message-ids.js";
import type { ServiceEvent, ServiceView } from "./model.js";

/** Milliseconds between two summaries. */
const HOUR = 3_600_000;

/** Tells the log what happens: one line for each thing, cycles at debug, and one line an hour of what cycles did. @returns the way to stop it */
export function logEvents(view: ServiceView, log: Log, clock: Clock): () => void {
  const cycles = new Map<string, { count: number; bytes: number }>();
  const told = new ToldTroubles();
  const stop = view.subscribe({
    onEvent: (event) => {
      if (event.kind === "cycle") {
        const { count, bytes } = cycles.get(event.sink) ?? { count: 0, bytes: 0 };
        cycles.set(event.sink, { count: count + 1, bytes: bytes + event.bytes });
      }
      const { level, message, fields } = lineOf(event);
      // The server's board has told of it as well.
      const isKnown = told.knows(event) || (isOfServer(event) && view.state().serverProblem !== undefined);
      log[isKnown ? "debug" : level](message, {
        ...fields,
        event: event.kind,
        messageId: MESSAGE_IDS[event.kind],
      });
    },
  });
  let cancel = (): void => undefined;
  const summarise = (): void => {
    for (const [sink, { count, bytes }] of cycles)
      log.info(`new events stored ${formatCount(count)} times in the last hour: ${formatBytes(bytes)}`, {
        sink,
        cycles: count,
        bytes,
      });
    cycles.clear();
    cancel = clock.after(HOUR, summarise);
  };
  cancel = clock.after(HOUR, summarise);
  return () => {
    cancel();
    stop();
  };
}

function isOfServer(event: ServiceEvent): boolean {
  return event.kind === "failed" && event.failure.cause === "server";
}

interface Line {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An event as a line of the log. */
export function lineOf(event: ServiceEvent): Line {
  switch (event.kind) {
    case "restore-point": {
      const { sink, result } = event;
      const { id, bytes, started, finished } = result;
      const took = finished.getTime() - started.getTime();
      if (id === undefined)
        return { level: "debug", message: "no restore point was made", fields: { sink, milliseconds: took } };
      return {
        level: "info",
        message: `restore point ${id}: ${formatBytes(bytes)} in ${formatDuration(took)}`,
        fields: { sink, restorePoint: id, bytes, milliseconds: took },
      };
    }
    case "cycle": {
      const { sink, bytes, milliseconds } = event;
      return {
        level: "debug",
        message: `new events: ${formatBytes(bytes)} in ${formatDuration(milliseconds)}`,
        fields: { sink, bytes, milliseconds },
      };
    }
    case "verified": {
      const { sink, result } = event;
      const { bytes, findings, started, finished } = result;
      const took = formatDuration(finished.getTime() - started.getTime());
      return {
        level: findings > 0 ? "error" : "info",
        message: `verified: ${formatBytes(bytes)} read in ${took}, ${findings === 0 ? "all is right" : plural(findings, "finding")}`,
        fields: { sink, bytes, findings },
      };
    }
    case "pruned": {
      const { sink, result } = event;
      const { restorePoints, objects, bytes } = result;
      return {
        level: "info",
        message: `pruned: ${plural(restorePoints, "restore point")} and ${plural(objects - restorePoints, "object")}, ${formatBytes(bytes)}`,
        fields: { sink, restorePoints, objects, bytes },
      };
    }
    case "failed": {
      const { sink, failure } = event;
      const { job, attempts, error, retry } = failure;
      return {
        level: "error",
        message: `${job} failed: ${error.message}`,
        fields: {
          sink,
          job,
          attempts,
          causes: error.causes,
          ...(error.remedy !== undefined && { remedy: error.remedy }),
          ...(retry && { retry: retry.toISOString() }),
          ...(error.unexpected && { stack: error.stack }),
        },
      };
    }
    case "recovered": {
      const { sink, job, at, since } = event;
      const lasted = formatDuration(at.getTime() - since.getTime());
      return {
        level: "info",
        message: `${job} succeeds again; it had failed for ${lasted}`,
        fields: { sink, job, since: since.toISOString() },
      };
    }
    case "diverged": {
      const { sink, timelines } = event;
      const changes = timelines.map(
        ({ context, timeline, reason }) => `${context} goes on in timeline ${timeline}: ${reason}`,
      );
      return {
        level: "error",
        message: `the server's history isn't the one that was backed up: ${changes.join("; ")}`,
        fields: { sink, contexts: timelines.map(({ context }) => context) },
      };
    }
    case "damage": {
      const { sink, objects } = event;
      const shown = objects.slice(0, 3).join(", ");
      const more = objects.length > 3 ? ` and ${objects.length - 3} more` : "";
      return {
        level: "error",
        message: `damaged: ${shown}${more}`,
        fields: { sink, objects: objects.length },
      };
    }
    case "late":
      return {
        level: "warn",
        message: event.reason,
        fields: {
          sink: event.sink,
          promise: event.what,
          ...(event.contexts.length > 0 && { contexts: event.contexts }),
        },
      };
    case "on-time":
      return {
        level: "info",
        message: `its promise is kept again: ${event.what === "lag" ? "new events" : "restore points"}`,
        fields: { sink: event.sink, promise: event.what },
      };
    case "configuration-taken":
      return { level: "debug", message: "the configuration is in use", fields: {} };
    case "configuration-rejected": {
      const { message, problems, remedy } = event.error;
      const places = (problems ?? []).map(problemText);
      return {
        level: "error",
        message: `the configuration on the disk is not taken, and the one before stays: ${[message, ...places].join("; ")}`,
        fields: { problems: places, ...(remedy !== undefined && { remedy }) },
      };
    }
    case "stopping":
      return { level: "info", message: `ends: ${event.signal}`, fields: {} };
  }
}
