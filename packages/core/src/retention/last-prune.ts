import { bytesSource, type ProcessIdentity, type Sink, thisProcess } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { decodeDocument, encodeDocument } from "../repository/document.js";
import { LAST_PRUNE_KEY, REPOSITORY_KEY } from "../repository/layout.js";
import { options, readOptional } from "../repository/read-optional.js";

/** `last-prune.json`: when retention was applied last, whoever did it. Nothing depends on it but when it is done next, and what is shown. */
export interface LastPrune {
  /** ISO 8601, UTC, by the clock of the machine that did it. */
  readonly finished: string;
  readonly process: Pick<ProcessIdentity, "host" | "pid">;
  readonly agent: string;
  /** What was removed; `objects` counts manifests, too. */
  readonly restorePoints: number;
  readonly objects: number;
  readonly bytes: number;
}

/** Writes down on the sink that retention was applied: there is no other place that every agent knows. @throws SinkError */
export async function notePrune(
  sink: Sink,
  prune: Omit<LastPrune, "process">,
  signal?: AbortSignal,
): Promise<void> {
  // Where there is no repository, none must seem to be.
  if ((await readOptional(sink, REPOSITORY_KEY, signal)) === undefined) return;
  const { host, pid } = thisProcess();
  const bytes = encodeDocument("last-prune", { ...prune, process: { host, pid } } satisfies LastPrune);
  await sink.put(LAST_PRUNE_KEY, bytesSource(bytes), { ...options(signal), kind: "document" });
}

/** @returns undefined when there is none, or it can't be read */
export async function readLastPrune(sink: Sink, signal?: AbortSignal): Promise<LastPrune | undefined> {
  const bytes = await readOptional(sink, LAST_PRUNE_KEY, signal);
  try {
    return bytes && (decodeDocument("last-prune", bytes, LAST_PRUNE_KEY) as LastPrune);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return undefined;
  }
}
