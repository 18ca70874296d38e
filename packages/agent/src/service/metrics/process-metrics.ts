import { readdirSync } from "node:fs";
import type { Registry } from "prom-client";
import { type Sample, scrapedCounter, scrapedGauge } from "./scraped.js";

// The library's own set wakes the process a hundred times a second to measure the event loop, and has names that Prometheus' checks find fault with.

/** What Prometheus' clients tell of their process, under the usual names. */
export function registerProcessMetrics(registry: Registry): void {
  const start = Date.now() / 1000 - process.uptime();
  const gauge = (name: string, help: string, read: () => readonly Sample[]): void => {
    scrapedGauge(registry, { name, help, labels: [] }, read);
  };
  scrapedCounter(
    registry,
    { name: "process_cpu_seconds_total", help: "Processor time, user's and system's.", labels: [] },
    () => {
      const { user, system } = process.cpuUsage();
      return [{ value: (user + system) / 1e6 }];
    },
  );
  gauge("process_start_time_seconds", "When the process was started.", () => [{ value: start }]);
  gauge("process_resident_memory_bytes", "Memory that the process has.", () => [
    { value: process.memoryUsage.rss() },
  ]);
  gauge("process_open_fds", "Open files.", () => {
    const open = openFiles();
    return open === undefined ? [] : [{ value: open }];
  });
  gauge("nodejs_heap_size_used_bytes", "Memory in use for JavaScript's objects.", () => [
    { value: process.memoryUsage().heapUsed },
  ]);
  gauge("nodejs_external_memory_bytes", "Memory of buffers and other things outside of the heap.", () => [
    { value: process.memoryUsage().external },
  ]);
}

/** Undefined where the system doesn't tell. */
function openFiles(): number | undefined {
  try {
    // One is the directory that is being read.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return undefined;
  }
}
