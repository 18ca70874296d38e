import { setTimeout as delay } from "node:timers/promises";
import type { Standin } from "@axon-backup/axon-server-standin";

/** Bytes that a sample event gets more, so that a transaction of one has about 1 KiB. */
const EXTRA_BYTES = 480;
const TICK_MS = 10;

/** Appends transactions of one event at a steady rate. @returns when each was appended, by `performance.now()`: the first one has the token `standin.head + 1` */
export async function append(
  standin: Standin,
  rate: number,
  seconds: number,
  signal: AbortSignal,
): Promise<number[]> {
  const appended: number[] = [];
  const began = performance.now();
  for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - began) {
    signal.throwIfAborted();
    const due = Math.floor((Math.min(elapsed, seconds * 1000) * rate) / 1000);
    while (appended.length < due) {
      standin.appendSample("default", 1, { perTransaction: 1, extraBytes: EXTRA_BYTES });
      appended.push(performance.now());
    }
    await delay(TICK_MS);
  }
  return appended;
}
