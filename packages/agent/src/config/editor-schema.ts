import type { JsonSchema } from "@axon-backup/sink";
import { SECRET_KEYWORD } from "../secrets/reference.js";

const DRAFT = "https://json-schema.org/draft/2020-12/schema";

const text = (pattern: string, description: string): JsonSchema => ({ type: "string", pattern, description });

/** What `secretReferenceProblem` takes, as a JSON Schema. */
const REFERENCE: JsonSchema = {
  type: "object",
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: {
    file: text("^/", "A file that holds the secret: absolute."),
    env: text("^[A-Za-z_][A-Za-z0-9_]*$", "An environment variable of the agent."),
    credential: text("^(?!\\.)[A-Za-z0-9._@-]+$", "A systemd credential (LoadCredential=)."),
  },
};

const PATH = text("^/", "A file that holds the secret: absolute.");

/** A schema of ours as editors understand it: standard keywords alone, with a title. */
export function editorSchema(schema: JsonSchema, title: string): JsonSchema {
  const { $schema = DRAFT, ...rest } = standard(schema) as JsonSchema;
  return { $schema, title, ...rest };
}

function standard(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(standard);
  if (typeof schema !== "object" || schema === null) return schema;
  if (SECRET_KEYWORD in schema) {
    const described = "description" in schema ? { description: schema.description } : {};
    return schema[SECRET_KEYWORD] === "path-allowed"
      ? { ...described, anyOf: [PATH, REFERENCE] }
      : { ...described, ...REFERENCE };
  }
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !key.startsWith("x-"))
      .map(([key, value]) => [key, standard(value)]),
  );
}
