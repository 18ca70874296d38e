import { setTimeout } from "node:timers/promises";

/** Waits. Rejects with the signal's reason when it is aborted: the timer's own AbortError would hide that. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
