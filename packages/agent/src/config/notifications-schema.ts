import type { JsonSchema } from "@axon-backup/sink";
import { SECRET_KEYWORD } from "../secrets/reference.js";
import { NOTIFIED_EVENTS } from "./notifications-types.js";
import { duration, section } from "./schema-parts.js";

const timeout = duration("How long it may take. Default 30s.");

const ca: JsonSchema = {
  type: "string",
  pattern: "^/",
  description: "File with the certificates (PEM) of the authorities to trust, instead of the system's.",
};

/** An address, which may be a secret as a whole. */
const url = (description: string): JsonSchema => ({
  description: `${description} https:// or http://; or {file: …}, {env: …} or {credential: …}, where nobody else may know it.`,
  if: { type: "string" },
  then: { type: "string", pattern: "^https?://[^/@\\s?#]+([/?][^\\s#]*)?$" },
  else: { [SECRET_KEYWORD]: true },
});

const address = (description: string): JsonSchema => ({
  type: "string",
  // No line breaks and no lists: one address, with a name or without.
  pattern: "^[^@<>,;\\x00-\\x1f]+(@[^@<>,;\\s]+|<[^@<>,;\\s]+@[^@<>,;\\s]+>)$",
  description: `${description} ops@example.org, or Ops <ops@example.org>.`,
});

const command = section(
  "A program that is given the message as JSON on its standard input, and in environment variables AXON_BACKUP_…. It must end with exit code 0.",
  {
    run: {
      type: "array",
      minItems: 1,
      items: { type: "string", description: "The program's absolute path; then its arguments." },
      description: "The program and its arguments. No shell reads them.",
    },
    timeout: duration("It is ended when it takes longer. Default 30s."),
  },
  { required: ["run"] },
);

const webhook = section(
  "An address that the message is posted to, as JSON.",
  {
    url: url("Where to."),
    secret: {
      [SECRET_KEYWORD]: true,
      description:
        "Signs what is posted, so that the receiver knows where it comes from: {file: …}, {env: …} or {credential: …}.",
    },
    ca,
    timeout,
  },
  { required: ["url"] },
);

const email = section(
  "E-mail, by SMTP.",
  {
    host: { type: "string", minLength: 1, pattern: "^[^\\s/@]+$", description: "The SMTP server." },
    port: {
      type: "integer",
      minimum: 1,
      maximum: 65535,
      description: "Its port. Default 587; 465 with tls: implicit, 25 with tls: none.",
    },
    tls: {
      enum: ["starttls", "implicit", "none"],
      default: "starttls",
      description:
        "starttls: the connection begins in the clear and must be encrypted before anything is sent. implicit: it is encrypted from the beginning. none: not at all, for a server on this machine.",
    },
    ca,
    user: { type: "string", minLength: 1, description: "Who logs in. Default: nobody." },
    password: {
      [SECRET_KEYWORD]: true,
      description: "The user's password: {file: …}, {env: …} or {credential: …}.",
    },
    from: address("The sender."),
    to: {
      type: "array",
      minItems: 1,
      uniqueItems: true,
      items: address("A receiver."),
      description: "The receivers.",
    },
    timeout,
  },
  { required: ["host", "from", "to"], dependentRequired: { user: ["password"], password: ["user"] } },
);

const ping = section(
  "A dead man's switch: an address of a service elsewhere that raises the alarm when it hasn't been fetched for some time. The one notification that works when this machine is down.",
  {
    url: url("Fetched as long as all is well."),
    fail_url: url("Fetched when something is wrong. Default: none."),
    when: {
      enum: ["current", "restore-point"],
      default: "current",
      description:
        "current: again and again, as long as every sink is current. restore-point: when a restore point has been made, and no sink's newest attempt has failed.",
    },
    every: duration("At most one fetch of url in so long. Default 1m."),
    timeout,
  },
  { required: ["url"] },
);

/** The schema of the list `notifications` of `agent.yaml`. */
export const NOTIFICATIONS_SCHEMA: JsonSchema = {
  type: "array",
  minItems: 1,
  maxItems: 32,
  items: section("One channel: exactly one of command, webhook, email and ping.", {
    name: {
      type: "string",
      pattern: "^[a-z0-9][a-z0-9-]*$",
      description:
        "Its name, in the log: lower-case letters, digits and -. Default: what it is, as webhook; of two alike, each needs a name.",
    },
    on: {
      type: "array",
      minItems: 1,
      uniqueItems: true,
      items: { enum: [...NOTIFIED_EVENTS], description: "What is told." },
      description:
        "What is told: failed, recovered, diverged (the server's history isn't the one that was backed up), damage (objects on a sink), late (a sink isn't what its promise says), on-time, configuration-rejected. recovered and on-time follow what was told. Default: all.",
    },
    after: {
      ...duration("A failure that is over within this time isn't told; 0: each is. Default 2m."),
      type: ["string", "integer"],
      minimum: 0,
      maximum: 0,
    },
    remind: {
      ...duration("What lasts is told again after so long. Default 24h. never: it is told once."),
      pattern: "^(never|[0-9]+(\\.[0-9]+)?(ms|s|m|h|d))$",
    },
    command,
    webhook,
    email,
    ping,
  }),
  description: "Whom `axon-backup run` tells when something is wrong, and how. Default: nobody.",
};
