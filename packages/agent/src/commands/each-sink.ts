import type { NamedSink, Repository } from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import type { Output } from "../output/output.js";

/** What became of one sink: a value or an error. */
export type SinkOutcome<T> =
  | { readonly sink: string; readonly outcome: "done"; readonly value: T }
  | { readonly sink: string; readonly outcome: "failed"; readonly error: unknown };

/**
 * Reads from several sinks, one after the other: one that fails doesn't keep the others from answering.
 * Rejects with the signal's reason when aborted.
 */
export async function readEachSink<T>(
  sinks: readonly NamedSink[],
  signal: AbortSignal,
  read: (sink: Sink, name: string) => Promise<T>,
): Promise<readonly SinkOutcome<T>[]> {
  const outcomes: SinkOutcome<T>[] = [];
  for (const named of sinks) {
    signal.throwIfAborted();
    try {
      outcomes.push({
        sink: named.name,
        outcome: "done",
        value: await withSink(named, "read", (sink) => read(sink, named.name)),
      });
    } catch (error) {
      signal.throwIfAborted();
      outcomes.push({ sink: named.name, outcome: "failed", error });
    }
  }
  return outcomes;
}

/** Opens a sink, uses it, and closes it whatever happens. */
export async function withSink<T>(
  named: NamedSink,
  purpose: "read" | "write",
  use: (sink: Sink) => Promise<T>,
): Promise<T> {
  const sink = await named.open(purpose);
  try {
    return await use(sink);
  } finally {
    await sink.close();
  }
}

/** Restore points can be read without the repository's own document; that it is gone is worth knowing. */
export function warnOfProblem(
  repository: Repository | undefined,
  sink: string,
  { log }: Pick<Output, "log">,
): void {
  if (repository?.problem !== undefined)
    log.warn(`repository.json ${repository.problem}; the next backup writes it anew`, { sink });
}

/** The errors of the outcomes; undefined for each success. */
export function errorsOf(outcomes: readonly SinkOutcome<unknown>[]): readonly unknown[] {
  return outcomes.map((outcome) => (outcome.outcome === "failed" ? outcome.error : undefined));
}
