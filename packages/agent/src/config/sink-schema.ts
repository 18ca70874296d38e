import type { JsonSchema } from "@axon-backup/sink";
import { SECRET_KEYWORD } from "../secrets/reference.js";
import { count, duration, rate, section, span } from "./schema-parts.js";
import { SINK_SERVICE_KEYS } from "./sink-service.js";

/** The keys of a sink's file that are the agent's own. The others are the plugin's options. */
export const SINK_KEYS: Readonly<Record<string, JsonSchema>> = {
  type: { type: "string", description: "The kind of storage: the type that a plugin declares, as local." },
  enabled: {
    type: "boolean",
    default: true,
    description: "false: the sink is left alone, by every command.",
  },
  connections: {
    type: "integer",
    minimum: 1,
    maximum: 64,
    description:
      "How many calls to the storage may run at a time. Default: what the plugin finds right for its storage, else 4. A backup, a restore or a verification has as many objects under way. Of those larger than 256 KiB, 4 or a quarter of the connections, whichever is more: each of them takes a few MiB of memory.",
  },
  limits: section("How fast the sink's objects may be moved, all calls together. Default: without limits.", {
    upload: rate("To the storage."),
    download: rate("From the storage."),
  }),
  timeouts: section("How long to wait for the storage.", {
    stall: duration(
      "A call is ended, and tried again, when nothing has moved in it for this long. On slow lines, more than 64 MiB take. Default 60s.",
    ),
  }),
  retries: section(
    "When calls are made again that failed for reasons that may go away: connection lost, server busy. The wait between two attempts grows from half a second on.",
    {
      for: duration("How long a call is tried, from its first failure on. Default 2m."),
      attempts: {
        type: "integer",
        minimum: 1,
        maximum: 100,
        description:
          "How often it is tried at least, even when that takes longer. Default 3. With for: 1ms, 1 means never again.",
      },
      max_wait: duration("Longest wait between two attempts. Default 30s."),
    },
  ),
  retention: section(
    "Which restore points `axon-backup prune` keeps: those that any of these rules keeps, and always the newest, the newest verified, and the last one of each abandoned timeline. Hours, days, weeks (from Monday), months and years are those of UTC. Default: all.",
    {
      keep_last: count("So many of the newest."),
      keep_within: span("Those that are not older than this, as seen from the newest."),
      keep_hourly: count("The newest of each of so many hours that have any."),
      keep_daily: count("The newest of each of so many days that have any."),
      keep_weekly: count("The newest of each of so many weeks that have any."),
      keep_monthly: count("The newest of each of so many months that have any."),
      keep_yearly: count("The newest of each of so many years that have any."),
      keep_abandoned: span(
        "How long the last restore point of an abandoned timeline is kept, counted from when it was given up: one that the newest restore point doesn't have, because the server's history went another way, or the context isn't backed up any more. Default: it stays for ever.",
      ),
    },
  ),
  ...SINK_SERVICE_KEYS,
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
