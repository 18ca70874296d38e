import { DURATION_BOUNDS, type MethodCounts } from "@axon-backup/core";
import type { Registry } from "prom-client";
import type { ServiceState } from "../model.js";
import { type Labels, type Sample, scrapedCounter, ScrapedHistogram } from "./scraped.js";

/** Counters of what goes to the sinks and comes from them, from the counts that the engine keeps. */
export function registerCallMetrics(registry: Registry, state: () => ServiceState): void {
  const methods = function* (): Generator<readonly [Labels, MethodCounts]> {
    for (const { name, counts } of state().sinks)
      for (const [method, one] of Object.entries(counts.methods)) yield [{ sink: name, method }, one];
  };
  const counter = (
    name: string,
    help: string,
    labels: readonly string[],
    read: () => Iterable<Sample>,
  ): void => {
    scrapedCounter(registry, { name: `axon_backup_sink_${name}`, help, labels }, read);
  };
  counter(
    "sent_bytes_total",
    "Bytes sent to the sink; those that were sent again count again.",
    ["sink"],
    () => state().sinks.map(({ name, counts }) => ({ labels: { sink: name }, value: counts.bytesUp })),
  );
  counter("received_bytes_total", "Bytes received from the sink.", ["sink"], () =>
    state().sinks.map(({ name, counts }) => ({ labels: { sink: name }, value: counts.bytesDown })),
  );
  counter("requests_total", "Calls of the sink, each repetition counted.", ["sink", "method"], () =>
    [...methods()].map(([labels, { calls, retries }]) => ({ labels, value: calls + retries })),
  );
  counter("retries_total", "Calls of the sink that were made again.", ["sink", "method"], () =>
    [...methods()].map(([labels, { retries }]) => ({ labels, value: retries })),
  );
  counter("errors_total", "Calls of the sink that failed in the end.", ["sink", "method", "kind"], () =>
    [...methods()].flatMap(([labels, { errors }]) =>
      Object.entries(errors).map(([kind, value]) => ({ labels: { ...labels, kind }, value })),
    ),
  );
  new ScrapedHistogram(
    registry,
    {
      name: "axon_backup_sink_call_duration_seconds",
      help: "How long calls of the sink took, with their repetitions.",
      labels: ["sink", "method"],
    },
    DURATION_BOUNDS,
    () => [...methods()].map(([labels, { duration }]) => ({ labels, ...duration })),
  );
}
