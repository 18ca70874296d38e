import type { Registry } from "prom-client";
import type { ServiceState, SinkPromise } from "../model.js";
import { CYCLE_BOUNDS, EMPTY_TALLY, type EventTally, JOBS, RESTORE_POINT_BOUNDS } from "./event-tally.js";
import { type Sample, scrapedCounter, scrapedGauge, ScrapedHistogram } from "./scraped.js";

const PROMISES: Readonly<Record<keyof SinkPromise, string>> = { lag: "lag", restorePoint: "restore-point" };

/** What the events since the start told: of each sink, and of the configuration. */
export interface EventCounts {
  readonly sinks: ReadonlyMap<string, EventTally>;
  readonly configuration: { readonly taken: number; readonly rejected: number };
}

/** Counters and histograms of what happened. A sink that is in use has each of them from its first scrape on, so that the first event is a rise. */
export function registerEventMetrics(
  registry: Registry,
  state: () => ServiceState,
  counts: () => EventCounts,
): void {
  const tallies = (): readonly (readonly [string, EventTally])[] =>
    state().sinks.map(({ name }) => [name, counts().sinks.get(name) ?? EMPTY_TALLY]);
  const counter = (name: string, help: string, value: (tally: EventTally) => number): void => {
    scrapedCounter(registry, { name: `axon_backup_sink_${name}`, help, labels: ["sink"] }, () =>
      tallies().map(([sink, tally]) => ({ labels: { sink }, value: value(tally) })),
    );
  };
  const countersBy = (
    name: string,
    help: string,
    label: string,
    values: (tally: EventTally) => readonly (readonly [string, number])[],
  ): void => {
    const read = (): readonly Sample[] =>
      tallies().flatMap(([sink, tally]) =>
        values(tally).map(([one, value]) => ({ labels: { sink, [label]: one }, value })),
      );
    scrapedCounter(registry, { name: `axon_backup_sink_${name}`, help, labels: ["sink", label] }, read);
  };

  countersBy(
    "restore_points_total",
    "Restore points that the service made, or failed to make.",
    "result",
    (tally) => [
      ["made", tally.restorePoints.buckets.reduce((sum, count) => sum + count, 0)],
      ["failed", tally.failures["restore-point"]],
    ],
  );
  countersBy("failures_total", "What was tried and failed.", "task", ({ failures }) =>
    JOBS.map((job) => [job, failures[job]]),
  );
  countersBy("late_total", "How often the sink was later than its promise.", "promise", ({ late }) => [
    [PROMISES.lag, late.lag],
    [PROMISES.restorePoint, late.restorePoint],
  ]);
  counter("cycle_bytes_total", "Bytes that were sent between restore points.", (tally) => tally.cycleBytes);
  counter("verifications_total", "Verifications that went through.", (tally) => tally.verifications);
  counter("verify_findings_total", "What verifications found wrong.", (tally) => tally.findings);
  counter("damage_found_total", "Objects that were found to be damaged.", (tally) => tally.damaged);
  counter(
    "divergences_total",
    "How often the server had another history than the sink.",
    (tally) => tally.divergences,
  );
  counter(
    "pruned_restore_points_total",
    "Restore points that were removed.",
    ({ pruned }) => pruned.restorePoints,
  );
  counter("pruned_objects_total", "Objects that were removed.", ({ pruned }) => pruned.objects);
  counter("pruned_bytes_total", "Bytes that were removed.", ({ pruned }) => pruned.bytes);

  scrapedGauge(
    registry,
    {
      name: "axon_backup_sink_last_restore_point_timestamp_seconds",
      help: "When the newest restore point on the sink was begun.",
      labels: ["sink"],
    },
    () =>
      state().sinks.flatMap(({ name, restorePoints }) => {
        const made = restorePoints
          .filter(({ id }) => id !== undefined)
          .map(({ started }) => started.getTime());
        const newest = Math.max(counts().sinks.get(name)?.newestRestorePoint ?? -Infinity, ...made);
        return newest === -Infinity ? [] : [{ labels: { sink: name }, value: newest / 1000 }];
      }),
  );
  scrapedCounter(
    registry,
    {
      name: "axon_backup_configuration_reloads_total",
      help: "How often a changed configuration was looked at.",
      labels: ["result"],
    },
    () => Object.entries(counts().configuration).map(([result, value]) => ({ labels: { result }, value })),
  );
  new ScrapedHistogram(
    registry,
    {
      name: "axon_backup_sink_restore_point_duration_seconds",
      help: "How long it took to make restore points.",
      labels: ["sink"],
    },
    RESTORE_POINT_BOUNDS,
    () => tallies().map(([sink, { restorePoints }]) => ({ labels: { sink }, ...restorePoints })),
  );
  new ScrapedHistogram(
    registry,
    {
      name: "axon_backup_sink_cycle_duration_seconds",
      help: "How long it took to bring new events to the sink, between restore points.",
      labels: ["sink"],
    },
    CYCLE_BOUNDS,
    () => tallies().map(([sink, { cycles }]) => ({ labels: { sink }, ...cycles })),
  );
}
