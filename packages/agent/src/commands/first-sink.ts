import type { NamedSink, OtherSink } from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import type { Output } from "../output/output.js";

/** A sink that is open, and those that are asked after it. */
export interface FirstSink {
  readonly name: string;
  readonly connections: number | undefined;
  readonly sink: Sink;
  readonly others: readonly OtherSink[];
}

/**
 * Opens the first of several sinks that can be opened, uses it, and closes it whatever happens. Those that can't be opened are logged, and not among the others.
 * @throws the first one's error when none can be opened; what `use` throws
 */
export async function withFirstSink<T>(
  sinks: readonly NamedSink[],
  { log }: Pick<Output, "log">,
  signal: AbortSignal,
  use: (first: FirstSink) => Promise<T>,
): Promise<T> {
  const errors: unknown[] = [];
  for (const [index, named] of sinks.entries()) {
    let sink: Sink;
    try {
      sink = await named.open("read");
    } catch (error) {
      signal.throwIfAborted();
      errors.push(error);
      if (sinks.length > 1)
        log.warn(`can't be opened: ${error instanceof Error ? error.message : String(error)}`, {
          sink: named.name,
        });
      continue;
    }
    try {
      const others = sinks
        .slice(index + 1)
        .map((other) => ({ name: other.name, open: () => other.open("read") }));
      return await use({ name: named.name, connections: named.connections, sink, others });
    } finally {
      await sink.close();
    }
  }
  throw errors[0];
}
