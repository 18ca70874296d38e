import type { Connections } from "./connections.js";
import { Files } from "./files.js";
import { Interrupt, within } from "./interrupt.js";
import type { Settings } from "./options.js";
import type { Root } from "./root.js";

/** How long, in milliseconds, a call that failed or was aborted waits for the server to tidy up. */
const TIDY_MS = 2000;

/** What every method of the sink works with. */
export interface Tools {
  readonly connections: Connections;
  readonly settings: Settings;
  readonly root: Root;
  /** Temporary files that couldn't be removed when their put failed: for the next one to remove. */
  readonly orphans: Set<string>;
}

/** Runs one call of the sink on its connection. */
export async function withFiles<T>(
  { connections }: Tools,
  signal: AbortSignal | undefined,
  body: (files: Files) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const interrupt = new Interrupt(signal);
  try {
    return await body(new Files(await interrupt.race(connections.session()), interrupt));
  } finally {
    interrupt.release();
  }
}

/**
 * Tidies up after a failure, which is the one to report whatever comes of this. A server that doesn't answer in time loses the connection: later calls
 * connect anew. Resolves with whether it was done.
 */
export async function tidy(files: Files, work: (files: Files) => Promise<unknown>): Promise<boolean> {
  const done = work(files.steady()).then(
    () => true,
    () => false,
  );
  const result = await within(done, TIDY_MS);
  if (result === undefined) files.session.retire();
  return result?.value ?? false;
}
