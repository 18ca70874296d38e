import { Registry } from "prom-client";
import type { ServiceView } from "../model.js";

/** The metrics of a running service. */
export interface ServiceMetrics {
  readonly contentType: string;
  /** All of them, in Prometheus' text format, as they are now. */
  text(): Promise<string>;
  /** Stops listening to the service's events. */
  close(): void;
}

/** Metrics of what `view` shows. Made once for a service: counters count what happens from then on. */
export function serviceMetrics(view: ServiceView): ServiceMetrics {
  const registry = new Registry();
  const stop = view.subscribe({});
  return { contentType: registry.contentType, text: () => registry.metrics(), close: stop };
}
