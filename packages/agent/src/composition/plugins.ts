import { CONTRACT_VERSION, type SinkPlugin } from "@axon-backup/sink";
import { plugin as local } from "@axon-backup/sink-local";
import type { SinkPlugins } from "../config/sink-file.js";

/** The plugins that come with the agent. A new one is added here, and nowhere else. */
const BUILT_IN: readonly SinkPlugin<never>[] = [local];

/** The plugins, by type. Their options have passed their schema before they are opened. */
export function builtInPlugins(): SinkPlugins {
  return pluginRegistry(BUILT_IN);
}

/** A registry of these plugins. @throws Error for one written for another contract, or two of one type */
export function pluginRegistry(plugins: readonly SinkPlugin[]): SinkPlugins {
  const byType = new Map<string, SinkPlugin>();
  for (const plugin of plugins) {
    if (plugin.contract !== CONTRACT_VERSION)
      throw new Error(
        `the plugin ${plugin.type} is for contract ${plugin.contract}; this agent has ${CONTRACT_VERSION}`,
      );
    if (byType.has(plugin.type)) throw new Error(`there are two plugins of type ${plugin.type}`);
    byType.set(plugin.type, plugin);
  }
  return { find: (type) => byType.get(type), types: () => [...byType.keys()].sort() };
}
