import { onAbort } from "./signals.js";

/** Time as the decorators see it: tests give one of their own, and wait for nothing. */
export interface Clock {
  /** Milliseconds since any fixed moment; never goes back. */
  now(): number;
  /** Calls `run` after that many milliseconds, unless what it returns is called before. */
  after(milliseconds: number, run: () => void): () => void;
}

/** Longest that Node's timers can wait; longer ones would fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, Math.min(milliseconds, MAX_TIMER));
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Waits. Rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const release = onAbort(signal, (reason) => {
      cancel();
      reject(reason);
    });
    const cancel = clock.after(milliseconds, () => {
      release();
      resolve();
    });
  });
}
