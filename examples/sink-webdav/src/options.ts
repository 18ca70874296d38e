import type { JsonSchema, Secret } from "@axon-backup/sink";

/** What the operator writes in the sink's YAML file beside `type`. */
export interface WebDavOptions {
  readonly url: string;
  readonly user?: string;
  readonly password?: Secret;
}

export const optionsSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  additionalProperties: false,
  required: ["url"],
  dependentRequired: { user: ["password"], password: ["user"] },
  properties: {
    url: {
      type: "string",
      pattern: "^https?://[^/@?#\\s]+(/[^?#\\s]*)?$",
      description:
        "The collection that keeps the backups, as https://dav.example.com/axon. It is created if its parent exists. Without user and password.",
    },
    user: { type: "string", minLength: 1, description: "The user, when the server asks for one." },
    password: { type: "string", "x-secret": true, description: "The user's password." },
  },
};
