import type { JsonSchema } from "@axon-backup/sink";
import { SECRET_KEYWORD } from "../secrets/reference.js";
import { NOTIFICATIONS_SCHEMA } from "./notifications-schema.js";
import { duration, section } from "./schema-parts.js";
import { SERVICE_SCHEMA } from "./service-section.js";
import { AGENT_SERVICE_KEYS } from "./sink-service.js";

const absolutePath = (description: string): JsonSchema => ({ type: "string", pattern: "^/", description });

const roots = (description: string): JsonSchema => ({
  type: "array",
  minItems: 1,
  uniqueItems: true,
  items: absolutePath("An absolute path on this machine."),
  description,
});

const tls = section(
  "How to reach the server by https.",
  {
    ca: absolutePath(
      "File with the certificates (PEM) of the authorities to trust, instead of the system's.",
    ),
    cert: absolutePath("File with the client certificate (PEM), for servers that ask for one."),
    key: {
      [SECRET_KEYWORD]: "path-allowed",
      description: "The client certificate's key (PEM): a file's path or a reference to a secret.",
    },
    server_name: {
      type: "string",
      minLength: 1,
      description: "The name that the server's certificate must have. Default: the URL's host.",
    },
  },
  { dependentRequired: { cert: ["key"], key: ["cert"] } },
);

const server = section(
  "The Axon Server to back up.",
  {
    url: {
      type: "string",
      pattern: "^https?://[^/@\\s?#]+(/[^\\s?#]*)?$",
      description: "The HTTP address: http://host:8024. Without user, password, query and fragment.",
    },
    token: {
      [SECRET_KEYWORD]: true,
      description:
        "The access token, when the server's access control is on: {file: …}, {env: …} or {credential: …}. It needs the role ADMIN.",
    },
    tls,
    storage: roots(
      "The directories that the server keeps its event store in, as this machine sees them. Nothing outside of them is ever read. Without it, files must be in a directory named after their context.",
    ),
    control_db: roots(
      "The directories that the server writes its control DB backups to, as this machine sees them. Default: the directory that the server names.",
    ),
    remove_control_db_zips: {
      type: "boolean",
      default: false,
      description:
        "true: the control DB backup that the server wrote for a backup is removed there once it is stored on every sink of that run. No other file is. It needs control_db, and the right to write to that directory. The server never removes any by itself.",
    },
    paths: {
      type: "array",
      minItems: 1,
      items: section(
        "One mapping.",
        {
          server: absolutePath("A directory as the server sees it."),
          local: absolutePath("The same directory as this machine sees it."),
        },
        { required: ["server", "local"] },
      ),
      description:
        "Where this machine sees the server's directories, when it sees them elsewhere (containers, network mounts).",
    },
    timeouts: section("How long to wait for the server.", {
      connect: duration("For a connection. Default 10s."),
      request: duration("For an answer, whole. Default 30s."),
      control_db: duration("For the control DB backup, which copies a database. Default 5m."),
    }),
  },
  { required: ["url"] },
);

/** The schema of `agent.yaml`. Every key has a description: the reference documentation is made of them. */
export const AGENT_SCHEMA: JsonSchema = section(
  "The agent's configuration.",
  {
    server,
    contexts: {
      type: "array",
      minItems: 1,
      uniqueItems: true,
      items: { type: "string", minLength: 1, description: "A context's name." },
      description: "The contexts to back up. Default: every one that the server stores.",
    },
    log: section("What the agent writes to standard error.", {
      level: {
        enum: ["debug", "info", "warn", "error"],
        default: "info",
        description: "The least important messages to write. --verbose and --quiet go before it.",
      },
      format: {
        enum: ["auto", "json", "text"],
        default: "auto",
        description:
          "json: a JSON object a line. text: for people. auto: text on a terminal, json elsewhere.",
      },
    }),
    ...AGENT_SERVICE_KEYS,
    service: SERVICE_SCHEMA,
    notifications: NOTIFICATIONS_SCHEMA,
  },
  { required: ["server"] },
);
