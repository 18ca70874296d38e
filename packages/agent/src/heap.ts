import { PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes of JavaScript objects, garbage among them, from which on a run is one with very many files. */
const LARGE = 48 * 1024 * 1024;
/** How much V8 lets garbage grow, in percent of what lived the last time. By itself it takes up to 300, which suits a browser; most of the process would be garbage. */
const GROWTH = 20;

let watched = false;

/**
 * Makes V8 collect garbage earlier once the heap has become large: a full collection costs 20 ms then. Not from the start on, because with other flags than its own, V8 refuses the compiled code
 * of Node's modules and of the bundles, and each start would take longer.
 */
export function watchHeap(): void {
  if (watched) return;
  watched = true;
  const observer = new PerformanceObserver(() => {
    if (getHeapStatistics().used_heap_size < LARGE) return;
    observer.disconnect();
    setFlagsFromString(`--heap-growing-percent=${GROWTH}`);
    collect();
  });
  observer.observe({ entryTypes: ["gc"] });
}

/** A full collection: by what is left, V8 decides when to make the next one. There is no other way to ask for one. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (() => void) | undefined;
  setFlagsFromString("--no-expose-gc");
  gc?.();
}
