import type { ServerSource } from "@axon-backup/axon-server";
import {
  EngineError,
  type NamedSink,
  type Observer,
  readLastPrune,
  type Repository,
  type SinkReport,
  timeOf,
  type VerifyReport,
} from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import { withSink } from "../commands/each-sink.js";
import { noteRemoved } from "../commands/note-removed.js";
import { problemsOf } from "../commands/prune-problems.js";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSink } from "../composition/sinks.js";
import { VERSION } from "../version.js";
import type { PruneResult, RestorePointResult } from "./model.js";

/** What the jobs of a sink are done with. */
export interface JobTools {
  readonly engine: Pick<Engine, "backup" | "verify" | "prune" | "openRepository">;
  readonly source: ServerSource;
  /** The contexts to back up; all of the server's, if undefined. */
  readonly contexts: readonly string[] | undefined;
  /** Whether the server's zip of the control DB is removed once it is stored. */
  readonly removeControlDbZip: boolean;
  readonly redact: (text: string) => string;
}

/** How many restore points are shown. */
export const SHOWN = 50;

/** What is on a sink. */
export interface FoundOnSink {
  /** The newest ones, oldest first. */
  readonly restorePoints: readonly RestorePointResult[];
  /** When something was verified last. */
  readonly verified: Date | undefined;
  /** The last time that retention was applied. */
  readonly pruned: PruneResult | undefined;
  readonly damaged: ReadonlySet<string>;
}

/** The sink, opened for a job: what goes on in it ends with the job's signal. */
function endingWith(sink: ConfiguredSink, signal: AbortSignal): NamedSink {
  return { ...sink, open: (purpose) => sink.open(purpose, signal) };
}

/** Looks at what is there, by names and small documents. Opened for writing, as a backup does: a directory that isn't there yet is made. */
export async function lookAt(
  sink: ConfiguredSink,
  { engine }: JobTools,
  signal: AbortSignal,
): Promise<FoundOnSink> {
  return withSink(endingWith(sink, signal), "write", async (open) => {
    const repository = await engine.openRepository(open, signal);
    if (repository === undefined)
      return { restorePoints: [], verified: undefined, pruned: undefined, damaged: new Set() };
    const ids = await repository.restorePoints();
    return {
      restorePoints: ids
        .slice(-SHOWN)
        .map((id) => ({ started: timeOf(id), finished: timeOf(id), id, bytes: 0, isOwn: false })),
      verified: await lastVerified(repository),
      pruned: await lastPruned(open, signal),
      damaged: await repository.damagedKeys(),
    };
  });
}

async function lastPruned(open: Sink, signal: AbortSignal): Promise<PruneResult | undefined> {
  const last = await readLastPrune(open, signal);
  if (last === undefined) return undefined;
  const { finished, restorePoints, objects, bytes } = last;
  return { finished: new Date(finished), restorePoints, objects, bytes };
}

/** What verifications have left on a sink, whoever made them: a document, and the names of marks. */
export async function verifiedOn(
  sink: ConfiguredSink,
  { engine }: JobTools,
  signal: AbortSignal,
): Promise<Pick<FoundOnSink, "verified" | "damaged">> {
  return withSink(endingWith(sink, signal), "read", async (open) => {
    const repository = await engine.openRepository(open, signal);
    if (repository === undefined) return { verified: undefined, damaged: new Set() };
    return { verified: await lastVerified(repository), damaged: await repository.damagedKeys() };
  });
}

async function lastVerified(repository: Repository): Promise<Date | undefined> {
  const points = await repository.verifiedRestorePoints();
  return points
    .map(({ verified }) => new Date(verified))
    .sort((one, other) => one.getTime() - other.getTime())
    .at(-1);
}

/**
 * @param mustExist whether the sink had a repository: a file system that isn't mounted any more, or a folder that somebody has moved, must not be begun anew as if nothing had been there
 * @throws why it failed; the signal's reason
 */
export async function makeRestorePoint(
  sink: ConfiguredSink,
  { engine, source, contexts, removeControlDbZip, redact }: JobTools,
  mustExist: boolean,
  observer: Observer,
  signal: AbortSignal,
): Promise<SinkReport & { readonly outcome: "committed" }> {
  const { sinks } = await engine.backup({
    source,
    sinks: [endingWith(sink, signal)],
    ...(contexts && { contexts }),
    removeControlDbZip,
    mustExist,
    agent: VERSION,
    observer,
    redact,
    signal,
  });
  const [report] = sinks;
  if (report?.outcome === "committed") return report;
  const error = report?.error;
  throw error instanceof Error ? error : new Error(String(error));
}

/** @throws why it failed; the signal's reason */
export async function verifySink(
  sink: ConfiguredSink,
  { engine }: JobTools,
  observer: Observer,
  signal: AbortSignal,
): Promise<VerifyReport> {
  const { readData, budget, within } = sink.service.verify;
  // Findings are marked, for the next backup to mend.
  return withSink(endingWith(sink, signal), "write", (open) =>
    engine.verify({
      sink: open,
      name: sink.name,
      connections: sink.connections,
      readData,
      ...(budget && { budget }),
      ...(within !== undefined && { within }),
      mark: true,
      observer,
      signal,
    }),
  );
}

/** @throws why it failed, or what it couldn't do; the signal's reason */
export async function pruneSink(
  sink: ConfiguredSink,
  { engine }: JobTools,
  now: () => Date,
  observer: Observer,
  signal: AbortSignal,
): Promise<PruneResult> {
  return withSink(endingWith(sink, signal), "write", async (open) => {
    const report = await engine.prune({
      sink: open,
      name: sink.name,
      connections: sink.connections,
      ...(sink.retention && { rules: sink.retention }),
      agent: VERSION,
      observer,
      signal,
    });
    const [problem] = problemsOf(report);
    if (problem instanceof EngineError) throw problem;
    return noteRemoved(open, report, now(), signal);
  });
}
