import { type ProcessIdentity, type Sink, thisProcess } from "@axon-backup/sink";
import { bytesSource } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { decodeDocument, encodeDocument } from "../repository/document.js";
import { LAST_FAILURE_KEY, REPOSITORY_KEY } from "../repository/layout.js";
import { readOptional } from "../repository/read-optional.js";

/** Milliseconds: a run that failed ends in bounded time. */
const NOTE_MS = 5000;

/** `last-failure.json`: why a backup to this repository failed. It counts until there is a restore point that came after it. */
export interface LastFailure {
  /** ISO 8601, UTC, by the clock of the machine that ran it. */
  readonly started: string;
  readonly failed: string;
  readonly process: Pick<ProcessIdentity, "host" | "pid">;
  readonly agent: string;
  readonly message: string;
  readonly remedy: string | null;
}

/** Writes down why a run failed, on the sink itself: there is no other place that the next one to look would know. Never rejects: what failed is reported anyway. */
export async function noteFailure(
  sink: Sink,
  error: unknown,
  {
    agent,
    started,
    now,
    redact,
  }: {
    readonly agent: string;
    readonly started: Date;
    readonly now: () => Date;
    /** Takes secrets out: what is on a sink is read by others than the log. */
    readonly redact: (text: string) => string;
  },
): Promise<void> {
  const signal = AbortSignal.timeout(NOTE_MS);
  const { host, pid } = thisProcess();
  const failure: LastFailure = {
    started: started.toISOString(),
    failed: now().toISOString(),
    process: { host, pid },
    agent,
    message: redact(error instanceof Error ? error.message : String(error)),
    remedy:
      error instanceof Error && "remedy" in error && typeof error.remedy === "string"
        ? redact(error.remedy)
        : null,
  };
  try {
    // Where there is no repository, none must seem to be.
    if ((await readOptional(sink, REPOSITORY_KEY, signal)) === undefined) return;
    const bytes = encodeDocument("last-failure", failure);
    await sink.put(LAST_FAILURE_KEY, bytesSource(bytes), { signal, kind: "document" });
  } catch {
    // The sink may be the very thing that failed.
  }
}

/** @returns undefined when there is none, or it can't be read */
export async function readLastFailure(sink: Sink, signal?: AbortSignal): Promise<LastFailure | undefined> {
  const bytes = await readOptional(sink, LAST_FAILURE_KEY, signal);
  try {
    return bytes && (decodeDocument("last-failure", bytes, LAST_FAILURE_KEY) as LastFailure);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return undefined;
  }
}
