import { PassThrough } from "node:stream";
import { main } from "../dist/main.js";
import { MemoryStream, type Run } from "./support.js";

/** Runs the command line at a terminal where somebody answers questions, one after the other. A question without an answer closes the terminal. */
export async function runAtTerminal(
  argv: readonly string[],
  answers: readonly string[],
): Promise<Run & { readonly unasked: readonly string[] }> {
  const left = [...answers];
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const stdout = new MemoryStream(true);
  const stderr = new MemoryStream(true);
  const asking = {
    isTTY: true,
    write: (text: string): void => {
      stderr.write(text);
      if (!text.endsWith(": ")) return;
      const answer = left.shift();
      if (answer === undefined) stdin.end();
      // The question is written before its answer is waited for.
      else setImmediate(() => stdin.write(`${answer}\n`));
    },
  };
  const code = await main(argv, { stdout, stderr: asking, stdin, env: { TERM: "dumb" } });
  return { code, stdout: stdout.text, stderr: stderr.text, unasked: left };
}
