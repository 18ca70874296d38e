import { errorJson } from "../../output/report-error.js";
import type { ContextLag, RestorePointResult, ServerState, ServiceState, SinkState } from "../model.js";
import { readiness } from "./readiness.js";

const seconds = (milliseconds: number): number => Math.round(milliseconds) / 1000;

/** What `/api/state` shows: documented in docs/monitoring/README.md. Times are ISO 8601 in UTC, durations in seconds, null is "none". */
export function stateJson(state: ServiceState, now: Date): object {
  return {
    version: state.version,
    time: now.toISOString(),
    started: state.started.toISOString(),
    ready: readiness(state).ready,
    stopping: state.isStopping,
    server: state.server ? serverJson(state.server) : null,
    serverError: state.serverProblem ? errorJson(state.serverProblem) : null,
    nothingScheduled: state.isNothingScheduled,
    rejectedConfiguration: state.rejectedConfiguration ? errorJson(state.rejectedConfiguration) : null,
    sinks: state.sinks.map((sink) => sinkJson(sink, now)),
  };
}

function serverJson({ name, version, edition, seen, problem }: ServerState): object {
  return { name, version, edition, seen: seen.toISOString(), error: problem ? errorJson(problem) : null };
}

function sinkJson(sink: SinkState, now: Date): object {
  const { activity, lastVerify, lastPrune, retrying, failure, promise } = sink;
  return {
    sink: sink.name,
    type: sink.type,
    health: sink.health,
    reasons: sink.reasons,
    lastSuccess: iso(sink.lastSuccess),
    nextRestorePoint: iso(sink.nextRestorePoint),
    promise: {
      lagSeconds: promise.lag === undefined ? null : seconds(promise.lag),
      restorePointSeconds: promise.restorePoint === undefined ? null : seconds(promise.restorePoint),
    },
    activity: activity
      ? {
          job: activity.job,
          since: activity.since.toISOString(),
          step: activity.step ?? null,
          progress: activity.progress ?? null,
        }
      : null,
    contexts: sink.lags.map((lag) => lagJson(lag, now)),
    restorePoints: sink.restorePoints.map(restorePointJson),
    lastVerify: lastVerify
      ? {
          started: lastVerify.started.toISOString(),
          finished: lastVerify.finished.toISOString(),
          bytes: lastVerify.bytes,
          findings: lastVerify.findings,
        }
      : null,
    lastPrune: lastPrune ? { ...lastPrune, finished: lastPrune.finished.toISOString() } : null,
    retrying: retrying
      ? {
          since: retrying.since.toISOString(),
          attempts: retrying.attempts,
          retry: retrying.retry.toISOString(),
          error: errorJson(retrying.error),
        }
      : null,
    failure: failure
      ? {
          job: failure.job,
          at: failure.at.toISOString(),
          since: failure.since.toISOString(),
          attempts: failure.attempts,
          retry: iso(failure.retry),
          cause: failure.cause,
          error: errorJson(failure.error),
        }
      : null,
    damagedObjects: sink.damagedObjects,
    lease: sink.lease,
    counts: sink.counts,
  };
}

function lagJson(lag: ContextLag, now: Date): object {
  return {
    name: lag.context,
    storedToken: lag.storedToken,
    serverToken: lag.serverToken,
    behind: {
      tokens: lag.tokens,
      bytes: lag.bytes,
      seconds: lag.since ? Math.max(0, seconds(now.getTime() - lag.since.getTime())) : 0,
    },
  };
}

function restorePointJson({ id, started, finished, bytes, isOwn, isPromoted }: RestorePointResult): object {
  return {
    restorePoint: id ?? null,
    started: started.toISOString(),
    finished: finished.toISOString(),
    bytes,
    own: isOwn,
    promoted: isPromoted === true,
  };
}

function iso(time: Date | undefined): string | null {
  return time ? time.toISOString() : null;
}
