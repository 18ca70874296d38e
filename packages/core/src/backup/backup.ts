import { AxonServerError, type ServerIdentity } from "@axon-backup/axon-server";
import type { Sink } from "@axon-backup/sink";
import { createControlDb } from "../control-db/create.js";
import { removeControlDbZip } from "../control-db/remove.js";
import { EngineError } from "../errors.js";
import { prepareToHash } from "../hash/stream-hash.js";
import { type EngineEvent, ignoreEvents, type Observer } from "../observer.js";
import { atOnce } from "../at-once.js";
import { captureContext } from "./capture.js";
import { PAGE_FILES } from "./pages.js";
import { SECOND_LOOK } from "./timeline.js";
import type { CapturedContext, SharedRun } from "./model.js";
import { runSink } from "./run.js";
import type { BackupOptions, BackupReport, NamedSink, SinkReport } from "./types.js";

/**
 * Makes one restore point on every sink. Sinks run side by side and don't wait for each other: what goes wrong with one is in its report.
 *
 * Rejects when the server can't be asked what it is, and with the signal's reason when aborted.
 */
export async function backup(options: BackupOptions): Promise<BackupReport> {
  const { source, signal, observer = ignoreEvents, now = () => new Date() } = options;
  const started = now();
  prepareToHash(); // While the server and the storages are asked, a processor is free for it.
  const identity = await source.identify(signal);
  refuseEnterprise(identity);
  const captures = new Map<string, Promise<CapturedContext>>();
  const shared: Omit<SharedRun, "concurrency" | "largeAtOnce"> = {
    source,
    identity,
    contexts: chooseContexts(identity, options.contexts),
    agent: options.agent,
    started,
    now,
    redact: options.redact ?? ((text) => text),
    controlDb: once(() => createControlDb(source, signal)),
    capture: (context, previous, look = 1) => {
      const same = JSON.stringify([context, previous, look]);
      const capture = captures.get(same) ?? captureContext(source, context, previous, signal);
      captures.set(same, capture);
      return capture;
    },
    secondLook: options.secondLook ?? SECOND_LOOK,
    pageFiles: options.pageFiles ?? PAGE_FILES,
    mustExist: options.mustExist ?? false,
    checkpointInterval: options.checkpointInterval ?? 10_000,
    lease: options.lease ?? {},
    signal,
  };
  const sinks = await Promise.all(
    options.sinks.map((sink) => {
      const { all, large } = atOnce(sink.connections);
      const limits = { concurrency: options.concurrency ?? all, largeAtOnce: options.concurrency ?? large };
      return reportSink({ ...shared, ...limits }, sink, observer);
    }),
  );
  signal?.throwIfAborted();
  if (options.removeControlDbZip === true && sinks.every(({ outcome }) => outcome === "committed"))
    await removeControlDbZip(source, shared.controlDb, observer);
  return { started, finished: now(), sinks };
}

/** Runs one sink; whatever goes wrong becomes its report. */
async function reportSink(shared: SharedRun, named: NamedSink, observer: Observer): Promise<SinkReport> {
  const warnings: string[] = [];
  const collect = (event: EngineEvent): void => {
    if (event.kind === "warning") warnings.push(event.message);
    observer(event);
  };
  try {
    const sink = await named.open("write");
    try {
      return { ...(await runSink(shared, named.name, sink, collect)), warnings };
    } finally {
      await closeQuietly(sink, named.name, collect);
    }
  } catch (error) {
    return { sink: named.name, outcome: "failed", error, warnings };
  }
}

/** What was committed stays committed when closing fails: that is a warning. */
async function closeQuietly(sink: Sink, name: string, observer: Observer): Promise<void> {
  try {
    await sink.close();
  } catch (error) {
    observer({ kind: "warning", sink: name, message: `closing the sink failed: ${String(error)}` });
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function chooseContexts(identity: ServerIdentity, wanted: readonly string[] | undefined): readonly string[] {
  if (wanted === undefined) {
    if (identity.contexts.length > 0) return identity.contexts;
    throw new AxonServerError(
      "unexpected",
      `the server ${identity.nodeName} says that it stores no context at all`,
      "Point `server.url` at the node that stores the events.",
    );
  }
  const unknown = wanted.filter((name) => !identity.contexts.includes(name));
  if (unknown.length === 0) return [...new Set(wanted)].sort();
  throw new AxonServerError(
    "unknown-context",
    `the server ${identity.nodeName} does not store ${unknown.join(", ")}; it stores ${identity.contexts.join(", ")}`,
    "Correct `contexts` in agent.yaml, or leave it out to back up every context.",
  );
}

function refuseEnterprise({ edition, nodeName }: ServerIdentity): void {
  if (edition === "SE") return;
  throw new EngineError(
    "failed",
    `${nodeName} is a node of an Axon Server Enterprise cluster; this version of axon-backup can't copy replication logs yet`,
    "A backup without them would not be complete, so none was made.",
  );
}
