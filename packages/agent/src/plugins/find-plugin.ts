import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageEntry } from "./package-entry.js";
import { NotInstalledError, PluginError } from "./plugin-error.js";
import type { PluginName } from "./plugin-name.js";
import { PACKAGE_FOLDER } from "../installation.js";

/** A plugin's module on the disk. */
export interface FoundPlugin {
  /** What to call it: the package's name, or the path. */
  readonly name: string;
  /** The file to import. */
  readonly entry: string;
}

/**
 * Finds the module that a name stands for. A package is looked for in `node_modules` of the configuration's folder, then wherever Node looks
 * from the agent's own files: beside it, which covers global installations. Folders above the configuration's are not looked into:
 * others may be able to write there.
 * @param agent folder of the agent's own package
 * @throws PluginError
 */
export async function findPlugin(
  name: PluginName,
  configuration: string,
  agent = agentFolder(),
): Promise<FoundPlugin> {
  if (name.kind === "path") return { name: name.path, entry: await entryOf(name.path, name.path) };
  const places = [join(configuration, "node_modules"), ...moduleFolders(agent)];
  for (const wanted of name.packages)
    for (const place of places) {
      const folder = join(place, wanted);
      if (await exists(folder)) return { name: wanted, entry: await entryOf(folder, wanted) };
    }
  throw notInstalled(name.packages, configuration, agent);
}

async function entryOf(path: string, name: string): Promise<string> {
  let entry: string | undefined;
  try {
    entry = (await stat(path)).isDirectory() ? await packageEntry(path) : path;
  } catch (error) {
    if (isCode(error, "ENOENT"))
      throw new PluginError(
        `there is no ${path}`,
        "Correct the path; a relative one begins at the configuration's folder.",
      );
    throw new PluginError(
      `the plugin ${name} can't be read`,
      "Let the agent's user read it; if it is broken, install it again.",
      error,
    );
  }
  if (entry !== undefined) return entry;
  throw new PluginError(
    `${path} holds no module that can be loaded: its package.json names no file that is there`,
    "If it is your own, build it; else install it again.",
  );
}

function notInstalled(
  packages: readonly [string, ...string[]],
  configuration: string,
  agent: string,
): NotInstalledError {
  const [wanted, plain] = packages;
  const beside = besideTheAgent(agent);
  return new NotInstalledError(
    plain === undefined
      ? `the package ${wanted} isn't installed where the agent finds it`
      : `it isn't built in, and neither of the packages ${wanted} and ${plain} is installed where the agent finds it`,
    `Install it in the configuration's folder: npm install --prefix ${shellWord(configuration)} ${wanted}` +
      (beside === undefined ? "" : `, or beside the agent: ${beside} ${wanted}`),
  );
}

/** How to install something beside the agent; undefined when the agent isn't installed as a package. */
function besideTheAgent(agent: string): string | undefined {
  const modules = dirname(agent);
  if (!modules.endsWith("/node_modules")) return undefined;
  const holder = dirname(modules);
  return holder.endsWith("/lib") ? "npm install --global" : `npm install --prefix ${shellWord(holder)}`;
}

/** Every `node_modules` from a folder upwards, as Node looks for packages. */
function moduleFolders(from: string): readonly string[] {
  const folders: string[] = [];
  for (let at = from; ; at = dirname(at)) {
    if (!at.endsWith("/node_modules")) folders.push(join(at, "node_modules"));
    if (at === dirname(at)) return folders;
  }
}

function agentFolder(): string {
  return fileURLToPath(PACKAGE_FOLDER).replace(/\/$/, "");
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return false;
    throw new PluginError(`${path} can't be looked at`, "Let the agent's user read it.", error);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
