import { CONTRACT_VERSION, type SinkPlugin } from "@axon-backup/sink";
import { SINK_KEYS, sinkSchema } from "../config/sink-schema.js";
import { schemaProblem } from "../config/validate.js";
import { PluginError } from "./plugin-error.js";

const TYPE = /^[a-z0-9][a-z0-9-]*$/;
const AUTHOR = "Tell the plugin's author; `describeSink` and `axon-backup schema` show whether it is right.";

/**
 * What a module exports, as a plugin.
 * @param name what to call it in messages
 * @param reserved the types that are built in
 * @throws PluginError for something that isn't one, or was written for another contract
 */
export function pluginOf(exported: unknown, name: string, reserved: readonly string[]): SinkPlugin {
  const plugin = candidate(exported);
  if (plugin === undefined)
    throw new PluginError(
      `${name} is no plugin for sinks: it exports neither \`plugin\` nor a default with \`contract\``,
      `Name a package that is one, as axon-backup-sink-…; npm has libraries of similar names.`,
    );
  checkContract(plugin["contract"], name);
  const problem = shapeProblem(plugin, reserved);
  if (problem !== undefined) throw new PluginError(`the plugin ${name} is wrong: ${problem}`, AUTHOR);
  return plugin as unknown as SinkPlugin;
}

/** The export `plugin`, or the default; a CommonJS module has what it exports as its default. */
function candidate(exported: unknown): Readonly<Record<string, unknown>> | undefined {
  if (!isObject(exported)) return undefined;
  const byDefault = exported["default"];
  const nested = isObject(byDefault) ? [byDefault["plugin"], byDefault["default"]] : [];
  return [exported["plugin"], byDefault, ...nested].filter(isObject).find((value) => "contract" in value);
}

function checkContract(contract: unknown, name: string): void {
  if (contract === CONTRACT_VERSION) return;
  if (typeof contract !== "number" || !Number.isInteger(contract))
    throw new PluginError(`the plugin ${name} is wrong: contract must be a whole number`, AUTHOR);
  const newer = contract > CONTRACT_VERSION;
  throw new PluginError(
    `the plugin ${name} is too ${newer ? "new" : "old"}: it is written for contract ${contract} of sinks, and this agent has ${CONTRACT_VERSION}`,
    newer
      ? "Update axon-backup, or install an older version of the plugin."
      : "Install a newer version of the plugin.",
  );
}

/** What is wrong with the rest; undefined when nothing is. */
function shapeProblem(
  plugin: Readonly<Record<string, unknown>>,
  reserved: readonly string[],
): string | undefined {
  const { type, description, connections, optionsSchema, open } = plugin;
  if (typeof type !== "string" || !TYPE.test(type)) return "type must be of lower-case letters, digits and -";
  if (reserved.includes(type)) return `its type ${type} is one that comes with the agent`;
  if (typeof description !== "string" || description === "") return "description must be a line of text";
  if (connections !== undefined && !(Number.isSafeInteger(connections) && Number(connections) > 0))
    return "connections must be a whole number from 1 on";
  if (typeof open !== "function") return "open must be a function";
  if (!isObject(optionsSchema)) return "optionsSchema must be a JSON Schema";
  const properties = optionsSchema["properties"];
  const taken = Object.keys(isObject(properties) ? properties : {}).filter((key) => key in SINK_KEYS);
  if (taken.length > 0) return `its options ${taken.join(", ")} are the agent's own keys`;
  const problem = schemaProblem(sinkSchema(optionsSchema));
  return problem === undefined ? undefined : `optionsSchema can't be used: ${problem}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
