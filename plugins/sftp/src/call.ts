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
  /** Those that puts work on. */
  readonly own: Set<string>;
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
    const files = new Files(await connections.session(interrupt), interrupt);
    try {
      return await body(files);
    } finally {
      // Before it is tried again.
      if (signal?.aborted === true) await files.session.settle();
    }
  } finally {
    interrupt.release();
  }
}

/**
 * Tidies up after a failure, which is the one to report whatever comes of this. A server that doesn't answer in time loses the connection, so that nothing
 * of the call arrives there once it is tried again: later calls connect anew.
 */
export async function tidy(files: Files, work: (files: Files) => Promise<unknown>): Promise<void> {
  if (!(await inTime(files, work))) files.session.reset();
}

/** The same after what has changed nothing: calls that run well on the connection may end there. */
export async function tidyAfterReading(
  files: Files,
  work: (files: Files) => Promise<unknown>,
): Promise<void> {
  if (!(await inTime(files, work))) files.session.retire();
}

/** Whether it came to an end, good or bad. */
async function inTime(files: Files, work: (files: Files) => Promise<unknown>): Promise<boolean> {
  const end = (): void => undefined;
  return (await within(work(files.steady()).then(end, end), TIDY_MS)) !== undefined;
}
