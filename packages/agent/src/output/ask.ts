import { createInterface } from "node:readline/promises";
import type { Streams } from "./streams.js";

/**
 * Asks a person at a terminal, on standard error, and waits for a line.
 * @returns undefined when there is no terminal, or it is closed
 */
export async function ask(
  { stdin, stderr }: Pick<Streams, "stdin" | "stderr">,
  question: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (stdin?.isTTY !== true || stderr.isTTY !== true) return undefined;
  stderr.write(question);
  const lines = createInterface({ input: stdin, terminal: false });
  const closed = new AbortController();
  lines.once("close", () => {
    closed.abort();
  });
  try {
    return await lines.question("", { signal: AbortSignal.any([signal, closed.signal]) });
  } catch (error) {
    signal.throwIfAborted();
    if (closed.signal.aborted) return undefined;
    throw error;
  } finally {
    lines.close();
  }
}
