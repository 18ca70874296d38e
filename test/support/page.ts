import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { repositoryRoot } from "./packages.js";
import { binary, type Scene } from "./scene.js";

/** What a block of commands says behind its language: nothing; that it needs a system that was booted; that no test runs it. */
export type BlockKind = "" | "systemd" | "untested";

/** The shell commands of a page: a list of blocks for each heading, in the page's order. @param kinds those to take */
export function shellBlocks(
  page: string,
  kinds: readonly BlockKind[] = [""],
): ReadonlyMap<string, readonly string[]> {
  const content = readFileSync(join(repositoryRoot, page), "utf8");
  const [, ...sections] = content.split(/^#{2,3} /m);
  return new Map(
    sections.map((section) => [
      section.slice(0, section.indexOf("\n")),
      [...section.matchAll(/^```sh ?(\w*)\n([\s\S]*?)^```$/gm)]
        .filter(([, kind]) => kinds.some((one) => one === kind))
        .map(([, , code = ""]) => code),
    ]),
  );
}

/** The blocks of a page in one language. */
export function codeOf(page: string, language: string): readonly string[] {
  const content = readFileSync(join(repositoryRoot, page), "utf8");
  return [...content.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, code = ""]) => code,
  );
}

/** What a reader has to put in the place of what the page says: paths, ids, times. */
export type Replacements = Readonly<Record<string, string>>;

/**
 * Runs a block as its reader would, with `axon-backup` on the path and its configuration where it looks for it.
 * @throws Error with all that it said, unless every command in it succeeded
 */
export async function runBlock(scene: Scene, code: string, replacements: Replacements): Promise<string> {
  const bin = scene.path("bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(
    join(bin, "axon-backup"),
    `#!/bin/sh\nexec ${process.execPath} ${binary} --config ${scene.config} "$@"\n`,
    { mode: 0o755 },
  );
  let script = code;
  for (const [written, meant] of Object.entries(replacements)) script = script.replaceAll(written, meant);
  const shell = spawn("bash", ["-euo", "pipefail", "-c", script], {
    cwd: scene.directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}`, NO_COLOR: "1" },
  });
  const output = Promise.all([text(shell.stdout), text(shell.stderr)]);
  const [status] = (await once(shell, "close")) as [number | null];
  const [stdout, stderr] = await output;
  if (status !== 0) throw new Error(`${script}\nended with ${status ?? "a signal"}\n${stdout}\n${stderr}`);
  return stdout + stderr;
}
