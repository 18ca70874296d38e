// Writes the manual page of the agent, from what its command line is made of.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const agent = join(dirname(dirname(fileURLToPath(import.meta.url))), "packages/agent");

/** Writes `packages/agent/man/axon-backup.1`. */
export async function writeManPage() {
  const { describeProgram } = await import(join(agent, "dist/cli/describe.js"));
  const { manPage } = await import(join(agent, "dist/man/page.js"));
  mkdirSync(join(agent, "man"), { recursive: true });
  writeFileSync(join(agent, "man/axon-backup.1"), manPage(describeProgram()));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeManPage();
