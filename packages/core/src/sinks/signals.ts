import { setMaxListeners } from "node:events";

const nothing = (): void => undefined;

/**
 * Calls `run` with the signal's reason when it is aborted (not if it was before), unless what this returns is called before. Every call
 * under way listens to the run's signal: that many listeners are no leak, and Node isn't to warn of one.
 */
export function onAbort(signal: AbortSignal | undefined, run: (reason: Error) => void): () => void {
  if (signal === undefined) return nothing;
  setMaxListeners(0, signal);
  const listener = (): void => {
    // Whatever it is: it is passed on as it is.
    run(signal.reason as Error);
  };
  signal.addEventListener("abort", listener, { once: true });
  return () => {
    signal.removeEventListener("abort", listener);
  };
}
