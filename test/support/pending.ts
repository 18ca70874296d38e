/** Ends a test as pending, with the reason and the remedy in its title. */
export function pending(context: Mocha.Context, reason: string): never {
  if (context.test) context.test.title += ` (${reason})`;
  context.skip();
}
