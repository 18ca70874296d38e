import { notePrune, type PruneReport } from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import { VERSION } from "../version.js";

/** What retention has removed, and when. */
export interface Removed {
  readonly finished: Date;
  readonly restorePoints: number;
  /** Manifests among them. */
  readonly objects: number;
  readonly bytes: number;
}

/** Writes down on the sink that retention was applied, for the services that come after. @throws SinkError */
export async function noteRemoved(
  sink: Sink,
  { removed }: Pick<PruneReport, "removed">,
  finished: Date,
  signal: AbortSignal,
): Promise<Removed> {
  const counts = {
    restorePoints: removed.filter(({ kind }) => kind === "restore-point").length,
    objects: removed.length,
    bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  await notePrune(sink, { ...counts, finished: finished.toISOString(), agent: VERSION }, signal);
  return { ...counts, finished };
}
