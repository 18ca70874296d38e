import type { SinkPlugin } from "@axon-backup/sink";
import type { ConfigurationProblem } from "./problem.js";
import { sinkSchema } from "./sink-schema.js";
import { nearest } from "./suggest.js";
import type { SinkConfiguration } from "./types.js";
import { validate } from "./validate.js";
import { readYamlFile, type YamlFile } from "./yaml-file.js";

/** The plugins that are there. */
export interface SinkPlugins {
  find(type: string): SinkPlugin | undefined;
  /** The types, for messages. */
  types(): readonly string[];
}

/** A sink's name: it stands in logs, metrics and file names. */
const NAME = /^[a-z0-9][a-z0-9-]*$/;

interface Problems {
  readonly problems: readonly ConfigurationProblem[];
}

/**
 * One file of `sinks.d`, checked against the schema of its plugin.
 * @throws the system's error when it can't be read
 */
export async function loadSinkFile(
  path: string,
  name: string,
  plugins: SinkPlugins,
): Promise<SinkConfiguration | Problems> {
  if (!NAME.test(name))
    return wrong(
      path,
      "the file's name is the sink's name: lower-case letters, digits and -, not beginning with -",
    );
  const file = await readYamlFile(path);
  if (!("content" in file)) return { problems: file };
  const { content } = file;
  if (typeof content !== "object" || content === null || Array.isArray(content))
    return wrong(path, "the file must hold keys; the first is type: local");
  const plugin = findPlugin(file, content, plugins);
  if ("problems" in plugin) return plugin;
  const found = validate(file, sinkSchema(plugin.optionsSchema));
  if (found.problems.length > 0) return { problems: found.problems };
  const { type, enabled, ...options } = content as { type: string; enabled: boolean } & Record<
    string,
    unknown
  >;
  return { name, file: path, type, enabled, options, secrets: found.secrets };
}

function findPlugin(file: YamlFile, content: object, plugins: SinkPlugins): SinkPlugin | Problems {
  const type: unknown = "type" in content ? content.type : undefined;
  if (typeof type !== "string") {
    const message = type === undefined ? "required" : "must be text";
    return at(file, `${message}; known types: ${plugins.types().join(", ")}`);
  }
  const plugin = plugins.find(type);
  if (plugin !== undefined) return plugin;
  const near = nearest(type, plugins.types());
  return at(
    file,
    near === undefined
      ? `there is no plugin for this type; known types: ${plugins.types().join(", ")}`
      : `there is no plugin for this type; did you mean ${near}?`,
  );
}

function at(file: YamlFile, message: string): Problems {
  return { problems: [{ file: file.path, ...file.position(["type"], "value"), key: "type", message }] };
}

function wrong(file: string, message: string): Problems {
  return { problems: [{ file, key: "", message }] };
}
