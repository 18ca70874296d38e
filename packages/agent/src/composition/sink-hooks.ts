import type { RetryEvent, SinkCounters, SinkHooks } from "@axon-backup/core";
import type { SinkLog } from "@axon-backup/sink";
import type { Retries } from "./retries.js";
import { formatDuration } from "../output/units.js";

/** Tells the log of what a sink does: its retries as warnings, its calls at debug. */
export function sinkHooks(log: SinkLog, counters: SinkCounters, retries: Retries): SinkHooks {
  return {
    log,
    counters,
    onRetried: (call) => {
      retries.over(call);
    },
    onRetry: (event) => {
      retries.begun(event);
      log("warn", retryText(event), {
        call: event.method,
        ...(event.key !== undefined && { key: event.key }),
        attempt: event.attempt,
        wait: Math.round(event.wait),
        reason: event.error.message,
        ...(event.error.remedy !== undefined && { remedy: event.error.remedy }),
      });
    },
  };
}

/** `put contexts/…: connection reset; attempt 1 failed, the next one is in 0.5 s` */
function retryText({ method, key, attempt, wait, error }: RetryEvent): string {
  const what = key === undefined || key === "" ? method : `${method} ${key}`;
  return `${what}: ${error.message}; attempt ${attempt} failed, the next one is in ${formatDuration(wait)}`;
}
