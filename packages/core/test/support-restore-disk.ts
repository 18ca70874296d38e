import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Runs a script of this folder with a small file system, in memory, mounted over `directory`, and gives what it prints.
 * @returns undefined when this machine doesn't allow the mount; with CI set, that is a failure
 */
export async function onSmallDisk(
  directory: string,
  size: string,
  script: string,
): Promise<string | undefined> {
  const mount = ["-rm", "sh", "-c", `mount -t tmpfs -o size=${size} none "$0"`, directory];
  try {
    await run("unshare", mount);
  } catch (error) {
    if (process.env["CI"] !== undefined) throw error;
    return undefined;
  }
  const path = fileURLToPath(new URL(script, import.meta.url));
  const command = `mount -t tmpfs -o size=${size} none "$0" && exec "$1" "$2" "$0"`;
  const { stdout } = await run("unshare", ["-rm", "sh", "-c", command, directory, process.execPath, path]);
  return stdout;
}

/** Ends a test as pending, with the reason and the remedy in its title. */
export function skipped(context: Mocha.Context, reason: string): void {
  if (context.test) context.test.title += ` (${reason})`;
  context.skip();
}
