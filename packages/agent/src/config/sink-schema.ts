import type { JsonSchema } from "@axon-backup/sink";
import { SECRET_KEYWORD } from "../secrets/reference.js";

/** The keys of a sink's file that are the agent's own. The others are the plugin's options. */
export const SINK_KEYS: Readonly<Record<string, JsonSchema>> = {
  type: { type: "string", description: "The kind of storage: the type that a plugin declares, as local." },
  enabled: {
    type: "boolean",
    default: true,
    description: "false: the sink is left alone, by every command.",
  },
};

/** The schema of a whole sink file: the agent's keys and the plugin's options. */
export function sinkSchema(optionsSchema: JsonSchema): JsonSchema {
  const options = withSecretReferences(optionsSchema) as JsonSchema;
  const required = Array.isArray(options["required"]) ? (options["required"] as unknown[]) : [];
  return {
    additionalProperties: false,
    ...options,
    type: "object",
    properties: { ...SINK_KEYS, ...(options["properties"] as JsonSchema | undefined) },
    required: ["type", ...required],
  };
}

/**
 * The plugin's schema as the operator sees it: where the plugin declares a secret string (`"x-secret": true`), the file holds a reference.
 */
function withSecretReferences(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withSecretReferences);
  if (typeof schema !== "object" || schema === null) return schema;
  if ("x-secret" in schema && schema["x-secret"] === true)
    return {
      [SECRET_KEYWORD]: true,
      ...("description" in schema ? { description: schema.description } : {}),
    };
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withSecretReferences(value)]));
}
