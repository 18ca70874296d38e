import type { ServerIdentity } from "@axon-backup/axon-server";
import { type ContextBehind, headOf, type Manifest, type RepositoryStatus } from "@axon-backup/core";
import type { SinkOutcome } from "../commands/each-sink.js";
import { describeError } from "../errors/describe-error.js";
import { errorJson } from "../output/report-error.js";
import { lockJson } from "./unlock.js";
import { manifestBytes } from "./manifest.js";
import { sinkFields, wrapped } from "./status-fields.js";

/** What the server said of itself. */
export type AskedServer =
  | { readonly outcome: "done"; readonly identity: ServerIdentity }
  | { readonly outcome: "failed"; readonly error: unknown };

export type Behind = readonly ContextBehind[];

export interface SinkStatus {
  /** Undefined for an empty sink. */
  readonly status: RepositoryStatus | undefined;
  /** Undefined when it isn't known. */
  readonly behind: Behind | undefined;
}

type Outcome = SinkOutcome<SinkStatus>;

export function statusJson(server: AskedServer, outcomes: readonly Outcome[], now: Date): object {
  return {
    server:
      server.outcome === "failed"
        ? { error: errorJson(describeError(server.error)) }
        : {
            name: server.identity.nodeName,
            version: server.identity.version,
            edition: server.identity.edition,
          },
    sinks: outcomes.map((outcome) =>
      outcome.outcome === "failed"
        ? { sink: outcome.sink, error: errorJson(describeError(outcome.error)) }
        : { sink: outcome.sink, ...sinkJson(outcome.value, now) },
    ),
  };
}

function sinkJson({ status, behind }: SinkStatus, now: Date): object {
  const lock = status?.lock;
  return {
    restorePoints: status?.restorePoints ?? 0,
    newest: status?.newest === undefined ? null : newestJson(status.newest, now),
    head: headJson(status, now),
    unreadable: status?.unreadable ?? [],
    behind: behind?.map(({ change, ...context }) => ({ ...context, change: change ?? null })) ?? null,
    size: status?.size ?? { objects: 0, bytes: 0 },
    verified: status?.verified ?? [],
    damaged: status?.damaged ?? [],
    writer: lock === undefined ? null : lockJson(lock),
    unfinished: status?.isUnfinished ?? false,
    lastFailure: status?.lastFailure ?? null,
  };
}

function headJson(status: RepositoryStatus | undefined, now: Date): object | null {
  if (status?.headProblem) return { error: errorJson(describeError(status.headProblem)) };
  return status?.head ? newestJson(status.head, now) : null;
}

function newestJson(manifest: Manifest, now: Date): object {
  const { id, started, finished, contexts } = manifest;
  return {
    id,
    started,
    finished,
    ageSeconds: Math.round((now.getTime() - Date.parse(started)) / 1000),
    bytes: manifestBytes(manifest),
    contexts: contexts.map((context) => {
      const [events, snapshots] = [headOf(context.events), headOf(context.snapshots)];
      return {
        name: context.name,
        timeline: context.timeline,
        lastEventToken: events.lastToken,
        lastEventTokenExact: events.exact,
        lastSnapshotToken: snapshots.lastToken,
        lastSnapshotTokenExact: snapshots.exact,
      };
    }),
  };
}

export function statusText(server: AskedServer, outcomes: readonly Outcome[], now: Date): string {
  const about =
    server.outcome === "failed"
      ? "server: can't be asked; how far the sinks are behind it isn't known\n"
      : `server: ${server.identity.nodeName}, Axon Server ${server.identity.edition} ${server.identity.version}\n`;
  return [
    about,
    ...outcomes.map((outcome) =>
      outcome.outcome === "failed"
        ? `sink ${outcome.sink}: failed\n`
        : wrapped([["sink", outcome.sink], ...sinkFields(outcome.value, now)]),
    ),
  ].join("\n");
}
