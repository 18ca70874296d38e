import { pathToFileURL } from "node:url";
import type { SinkPlugin } from "@axon-backup/sink";
import type { LoadedPlugin, SinkPlugins } from "../config/sink-file.js";
import { nearest } from "../config/suggest.js";
import { pluginOf } from "../plugins/check-plugin.js";
import { findPlugin } from "../plugins/find-plugin.js";
import { importModule } from "../plugins/import-module.js";
import { NotInstalledError, PluginError } from "../plugins/plugin-error.js";
import { parsePluginName } from "../plugins/plugin-name.js";
import { distrust } from "../plugins/trust.js";

type BuiltIn = Readonly<Record<string, () => Promise<SinkPlugin>>>;

/** The plugins that come with the agent, by type, each loaded when a sink has it. A new one is added here, and nowhere else. */
const BUILT_IN: BuiltIn = {
  local: async () => (await import("@axon-backup/sink-local")).plugin,
  azure: async () => (await import("@axon-backup/sink-azure")).plugin,
  s3: async () => (await import("@axon-backup/sink-s3")).plugin,
  sftp: async () => (await import("@axon-backup/sink-sftp")).plugin,
};

/** The plugins: those that come with the agent, and every package that an operator installs. */
export function installedPlugins(): SinkPlugins {
  return plugins(BUILT_IN);
}

/** These plugins as if they came with the agent. */
export function pluginRegistry(builtIn: readonly SinkPlugin[]): SinkPlugins {
  return plugins(Object.fromEntries(builtIn.map((plugin) => [plugin.type, () => Promise.resolve(plugin)])));
}

function plugins(builtIn: BuiltIn): SinkPlugins {
  const types = Object.keys(builtIn).sort();
  return {
    types: () => types,
    load: async (type, configuration) => {
      const own = Object.hasOwn(builtIn, type) ? builtIn[type] : undefined;
      return own ? { plugin: await own(), warnings: [] } : loadExternal(type, configuration, types);
    },
  };
}

async function loadExternal(
  type: string,
  configuration: string,
  builtIn: readonly string[],
): Promise<LoadedPlugin> {
  const name = parsePluginName(type, configuration);
  const near = nearest(type, builtIn);
  if (name === undefined)
    throw new PluginError(
      "this is neither a type that is built in, nor the name of an npm package, nor a path that begins with ./ or /",
      near === undefined ? `The types that are built in: ${builtIn.join(", ")}.` : `Did you mean ${near}?`,
    );
  let found;
  try {
    found = await findPlugin(name, configuration);
  } catch (error) {
    if (near === undefined || name.kind === "path" || !(error instanceof NotInstalledError)) throw error;
    // A slip of the pen, most likely: whoever owns that name on npm must not get to run code for it.
    throw new PluginError(
      `unknown type; did you mean ${near}?`,
      `The types that are built in: ${builtIn.join(", ")}; no package with a sink of this name is installed.`,
    );
  }
  const warnings = await distrust(found.entry);
  return { plugin: pluginOf(await load(found.entry, found.name), found.name, builtIn), warnings };
}

async function load(entry: string, name: string): Promise<unknown> {
  try {
    return await importModule(pathToFileURL(entry).href);
  } catch (error) {
    throw new PluginError(
      `the plugin ${name} fails when it is loaded`,
      "Install it again, with what it needs; --verbose shows where it fails. If that doesn't help, tell its author.",
      error,
    );
  }
}
