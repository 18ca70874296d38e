import { findServer, type ServerKind } from "./find.js";

/** What is needed of mocha's `this` in a hook or a test. */
export interface MochaContext {
  readonly test?: { title: string } | undefined;
  skip(): never;
}

/**
 * For a `before` hook or a test: goes on when the server can be started. Otherwise marks the tests pending, with the reason and the remedy on
 * standard error and in the title. With CI set a missing server is a failure.
 * @throws Error with CI set
 */
export async function pendingWithoutServer(context: MochaContext, kind: ServerKind): Promise<void> {
  const found = await findServer(kind);
  if (found.available) return;
  const text = `${found.reason}; ${found.remedy}`;
  if ((process.env["CI"] ?? "") !== "") throw new Error(`tests with ${kind} can't run: ${text}`);
  if (context.test) context.test.title += ` (skipped: ${text})`;
  process.stderr.write(`tests with ${kind} are skipped: ${text}\n`);
  context.skip();
}
