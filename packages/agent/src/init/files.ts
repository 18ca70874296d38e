import type { JsonSchema } from "@axon-backup/sink";
import { AGENT_SCHEMA } from "../config/agent-schema.js";
import { printable } from "../output/printable.js";
import { SINK_KEYS } from "../config/sink-schema.js";
import { SINK_SERVICE_KEYS } from "../config/sink-service.js";
import { commentedYaml } from "./commented-yaml.js";
import { agentExample, sinkExample } from "./examples.js";
import type { SinkSpec } from "./sink-spec.js";

/** How editors come to check a file. The schema isn't there yet, so that the line is no directive yet. */
const forEditors = (schema: string, name: string): readonly string[] => [
  `# For editors: axon-backup schema ${schema} > ${name}.schema.json, and one # of the next line less.`,
  `## yaml-language-server: $schema=${name}.schema.json`,
];

/** What agent.yaml is to say. */
export interface AgentValues {
  readonly server: Readonly<Record<string, unknown>>;
  readonly contexts?: readonly string[] | undefined;
}

/** The text of agent.yaml. @param notes lines that come first */
export function agentFile(values: AgentValues, notes: readonly string[]): string {
  const { server, contexts } = values;
  const head = [
    "# The agent's configuration. What begins with # is a comment: a key that stands behind one isn't set,",
    "# and shows its default or an example. Each storage has a file of its own, in sinks.d.",
    ...notes.map((note) => `# ${printable(note)}`),
    ...forEditors("agent", "agent"),
  ];
  const body = commentedYaml({
    schema: AGENT_SCHEMA,
    values: { server, ...(contexts ? { contexts } : {}) },
    example: agentExample,
  });
  return `${head.join("\n")}\n\n${body}`;
}

/** The text of a sink's file. @param schema of the whole file */
export function sinkFile({ name, type, options }: SinkSpec, description: string, schema: JsonSchema): string {
  const sections = Object.keys(SINK_SERVICE_KEYS);
  const head = [
    `# The sink ${name}: ${description}.`,
    "# What begins with # is a comment: a key that stands behind one isn't set.",
    `# Other sections that it may have: ${sections.join(", ")}. Without them, those of agent.yaml hold.`,
    ...forEditors(`sink ${type}`, type),
  ];
  const body = commentedYaml({
    schema: inOrder(schema),
    values: { type, ...options },
    example: sinkExample(type),
    without: new Set(sections),
  });
  return `${head.join("\n")}\n\n${body}`;
}

/** The plugin's options before the agent's keys: what is special to the storage comes first. */
function inOrder(schema: JsonSchema): JsonSchema {
  const properties = Object.entries((schema["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>);
  const isOurs = ([name]: readonly [string, JsonSchema]) => Object.hasOwn(SINK_KEYS, name);
  const sorted = [...properties.filter((each) => !isOurs(each)), ...properties.filter(isOurs)];
  return { ...schema, properties: Object.fromEntries(sorted) };
}
