import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Programs that some tests need beside Node. */
export type Tool = "promtool" | "chromium" | "w3m";

const BIN = fileURLToPath(new URL("../../../.cache/test-servers/bin/", import.meta.url));

const NAMES: Readonly<Record<Tool, readonly string[]>> = {
  promtool: ["promtool"],
  chromium: ["chromium", "chromium-browser", "google-chrome"],
  w3m: ["w3m"],
};

/**
 * For a `before` hook: the program's path. Without it the tests are pending, with the reason and the remedy on standard error and in the title. With CI set, a
 * missing program is a failure.
 */
export function toolOrPending(context: Mocha.Context, tool: Tool): string {
  const path = pathOf(tool);
  if (path !== undefined) return path;
  const text = `there is no ${tool}; run node scripts/install-test-servers.mjs`;
  if ((process.env["CI"] ?? "") !== "") throw new Error(`tests with ${tool} can't run: ${text}`);
  if (context.test) context.test.title += ` (skipped: ${text})`;
  process.stderr.write(`tests with ${tool} are skipped: ${text}\n`);
  return context.skip();
}

function pathOf(tool: Tool): string | undefined {
  const chosen = process.env[`AXON_BACKUP_${tool.toUpperCase()}`];
  const directories = [BIN, ...(process.env["PATH"] ?? "").split(delimiter).filter((entry) => entry !== "")];
  const places = NAMES[tool].flatMap((name) => directories.map((directory) => join(directory, name)));
  return [...(chosen === undefined ? [] : [chosen]), ...places].find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program to its end. */
export function runTool(
  path: string,
  args: readonly string[],
  input = "",
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync(path, args, { encoding: "utf8", input });
  if (error) throw error;
  return { status, output: stdout + stderr };
}
