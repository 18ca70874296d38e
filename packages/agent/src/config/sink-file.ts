import { dirname } from "node:path";
import { DEFAULT_POLICY } from "@axon-backup/core";
import type { SinkPlugin } from "@axon-backup/sink";
import { PluginError } from "../plugins/plugin-error.js";
import type { ConfigurationProblem } from "./problem.js";
import { type RetentionKeys, toRetentionRules } from "./retention.js";
import { type PolicyKeys, toSinkPolicy } from "./sink-policy.js";
import { sinkSchema } from "./sink-schema.js";
import { type SinkService, type SinkServiceKeys, toSinkService } from "./sink-service.js";
import type { SinkConfiguration } from "./types.js";
import { validate } from "./validate.js";
import { readYamlFile, type YamlFile } from "./yaml-file.js";

/** The plugins that can be had. */
export interface SinkPlugins {
  /**
   * The plugin of a `type:`. What is given has been checked.
   * @param configuration the configuration's folder, absolute
   * Rejects with PluginError when there is none, or it can't be used.
   */
  load(type: string, configuration: string): Promise<LoadedPlugin>;
  /** The types that come with the agent, for messages. */
  types(): readonly string[];
}

/** A plugin, and what an operator should mend although it works. */
export interface LoadedPlugin {
  readonly plugin: SinkPlugin;
  readonly warnings: readonly string[];
}

/** A sink's name: it stands in logs, metrics and file names. */
const NAME = /^[a-z0-9][a-z0-9-]*$/;

interface Problems {
  readonly problems: readonly ConfigurationProblem[];
}

/**
 * One file of `sinks.d`, checked against the schema of its plugin.
 * @param defaults what the service does for it where the file doesn't say
 * @throws the system's error when it can't be read
 */
export async function loadSinkFile(
  path: string,
  name: string,
  plugins: SinkPlugins,
  defaults: SinkService,
  signal?: AbortSignal,
): Promise<SinkConfiguration | Problems> {
  if (!NAME.test(name))
    return wrong(
      path,
      "the file's name is the sink's name: lower-case letters, digits and -, not beginning with -",
    );
  const file = await readYamlFile(path, signal);
  if (!("content" in file)) return { problems: file };
  const { content } = file;
  if (typeof content !== "object" || content === null || Array.isArray(content))
    return wrong(path, "the file must hold keys; the first is type: local");
  // The code of a sink that is switched off isn't run: it may be the reason why.
  if ("enabled" in content && content.enabled === false && isExternal(content, plugins))
    return {
      name,
      file: path,
      type: content.type,
      enabled: false,
      policy: DEFAULT_POLICY,
      service: defaults,
      options: {},
      secrets: [],
      warnings: [],
    };
  const loaded = await loadPlugin(file, content, plugins);
  if ("problems" in loaded) return loaded;
  const { plugin, warnings } = loaded;
  const found = validate(file, sinkSchema(plugin.optionsSchema));
  if (found.problems.length > 0) return { problems: found.problems };
  const { type, enabled, connections, limits, timeouts, retries, retention, ...others } = content as {
    type: string;
    enabled: boolean;
    retention?: RetentionKeys;
  } & PolicyKeys &
    SinkServiceKeys &
    Record<string, unknown>;
  const { schedule, continuous, verify, prune, promise, ...options } = others;
  const policy = toSinkPolicy(file, { connections, limits, timeouts, retries }, plugin.connections);
  const rules = toRetentionRules(file, retention);
  const service = toSinkService(file, { schedule, continuous, verify, prune, promise }, defaults);
  const problems = [policy, rules, service].flatMap((part) =>
    part && "problems" in part ? part.problems : [],
  );
  if ("problems" in policy || (rules && "problems" in rules) || "problems" in service) return { problems };
  return {
    name,
    file: path,
    type,
    enabled,
    policy,
    ...(rules && { retention: rules }),
    service,
    options,
    secrets: found.secrets,
    plugin,
    warnings,
  };
}

function isExternal(content: object, plugins: SinkPlugins): content is { readonly type: string } {
  return "type" in content && typeof content.type === "string" && !plugins.types().includes(content.type);
}

async function loadPlugin(
  file: YamlFile,
  content: object,
  plugins: SinkPlugins,
): Promise<LoadedPlugin | Problems> {
  const type: unknown = "type" in content ? content.type : undefined;
  if (typeof type !== "string") {
    const message = type === undefined ? "required" : "must be text";
    return at(file, `${message}; types that are built in: ${plugins.types().join(", ")}`);
  }
  try {
    return await plugins.load(type, dirname(dirname(file.path)));
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    const { cause } = error;
    const because =
      cause === undefined
        ? ""
        : `: ${cause instanceof Error ? cause.message : "it throws something that is no error"}`;
    const stack = cause instanceof Error ? cause.stack : undefined;
    return at(file, sentences(`${error.message}${because}`, error.remedy), stack);
  }
}

/** One behind the other, with a full stop between them. */
function sentences(first: string, second: string): string {
  return `${/[.?!]$/.test(first) ? first : `${first}.`} ${second}`;
}

function at(file: YamlFile, message: string, stack?: string): Problems {
  const problem = { file: file.path, ...file.position(["type"], "value"), key: "type", message };
  return { problems: [stack === undefined ? problem : { ...problem, stack }] };
}

function wrong(file: string, message: string): Problems {
  return { problems: [{ file, key: "", message }] };
}
