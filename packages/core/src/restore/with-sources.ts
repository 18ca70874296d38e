import { ignoreEvents } from "../observer.js";
import { Sources } from "./sources.js";
import type { RestoreOptions } from "./types.js";

/** What is told of while sinks are asked. */
export interface Warnings {
  /** Tells of something at once, and keeps it for the report. */
  readonly warn: (message: string) => void;
  /** All that was told of so far. */
  readonly warnings: readonly string[];
}

/** Calls `work` with the sinks to restore from, and closes those that it opened. */
export async function withSources<Result>(
  {
    sink,
    name,
    others = [],
    observer = ignoreEvents,
    signal,
  }: Pick<RestoreOptions, "sink" | "name" | "others" | "observer" | "signal">,
  work: (sources: Sources, told: Warnings) => Promise<Result>,
): Promise<Result> {
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
    observer({ kind: "warning", sink: name, message });
  };
  const sources = new Sources({ name, sink }, others, warn, signal);
  try {
    return await work(sources, { warn, warnings });
  } finally {
    await sources.close();
  }
}
