import { Registry } from "prom-client";
import type { ServiceEvent, ServiceView } from "../model.js";
import { registerCallMetrics } from "./call-metrics.js";
import { type EventCounts, registerEventMetrics } from "./event-metrics.js";
import { EMPTY_TALLY, tallyAfter } from "./event-tally.js";
import { registerProcessMetrics } from "./process-metrics.js";
import { scrapedGauge } from "./scraped.js";
import { STATE_METRICS } from "./state-metrics.js";

/** The metrics of a running service. */
export interface ServiceMetrics {
  readonly contentType: string;
  /** All of them, in Prometheus' text format, as they are now. */
  text(): Promise<string>;
  /** What there is, in no order. */
  names(): readonly string[];
  /** Stops listening to the service's events. */
  close(): void;
}

/**
 * Metrics of what `view` shows. Made once for a service, before it starts: counters count what happens from then on.
 * @param now milliseconds since 1970
 */
export function serviceMetrics(view: ServiceView, now: () => number = Date.now): ServiceMetrics {
  const registry = new Registry();
  const state = () => view.state();
  for (const metric of STATE_METRICS) scrapedGauge(registry, metric, () => metric.read(state(), now()));
  registerCallMetrics(registry, state);
  let counts: EventCounts = { sinks: new Map(), configuration: { taken: 0, rejected: 0 } };
  registerEventMetrics(registry, state, () => counts);
  registerProcessMetrics(registry);
  const stop = view.subscribe({
    onEvent(event) {
      counts = countsAfter(counts, event);
    },
  });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    names: () => registry.getMetricsAsArray().map(({ name }) => name),
    close: stop,
  };
}

function countsAfter(counts: EventCounts, event: ServiceEvent): EventCounts {
  if ("sink" in event) {
    const before = counts.sinks.get(event.sink) ?? EMPTY_TALLY;
    return { ...counts, sinks: new Map(counts.sinks).set(event.sink, tallyAfter(before, event)) };
  }
  const { taken, rejected } = counts.configuration;
  switch (event.kind) {
    case "configuration-taken":
      return { ...counts, configuration: { taken: taken + 1, rejected } };
    case "configuration-rejected":
      return { ...counts, configuration: { taken, rejected: rejected + 1 } };
    case "stopping":
      return counts;
  }
}
