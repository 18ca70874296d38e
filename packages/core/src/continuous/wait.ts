import type { Clock } from "../sinks/clock.js";
import { onAbort } from "../sinks/signals.js";
import type { SourceWatch } from "./types.js";

export interface WaitOptions {
  readonly clock: Clock;
  /** How long at most; 0 for as long as it takes. */
  readonly milliseconds: number;
  readonly signal: AbortSignal | undefined;
  /** Ends the wait, too. Never rejects. */
  readonly also?: Promise<void> | undefined;
}

/** Waits until something else is seen of the server than `revision`, or for so long. @throws the signal's reason */
export async function waitForNews(
  watch: SourceWatch,
  revision: number,
  { clock, milliseconds, signal, also }: WaitOptions,
): Promise<void> {
  // Not `AbortSignal.any`: one for each second would be remembered by a signal that lives for months.
  const until = new AbortController();
  const waited = { isEnough: false };
  const done = (): void => {
    waited.isEnough = true;
    until.abort(new Error("waited enough"));
  };
  const release = onAbort(signal, (reason) => {
    until.abort(reason);
  });
  const cancel = milliseconds > 0 ? clock.after(milliseconds, done) : undefined;
  void also?.then(done);
  try {
    signal?.throwIfAborted();
    await watch.next(revision, until.signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (!waited.isEnough) throw error;
  } finally {
    release();
    cancel?.();
  }
}
