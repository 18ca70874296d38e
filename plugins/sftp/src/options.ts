import {
  dirModeSchema,
  fileModeSchema,
  type JsonSchema,
  parseMode,
  type Secret,
  SinkError,
} from "@axon-backup/sink";

/** What the operator writes in the sink's YAML file beside `type: sftp`. */
export interface SftpOptions {
  /** Name or address of the server. */
  readonly host: string;
  /** Default 22. */
  readonly port?: number;
  readonly user: string;
  /** Directory of the sink, absolute or relative to where a session of the user begins. */
  readonly path: string;
  /** File of a private key. */
  readonly private_key_file?: string;
  /** A private key itself. */
  readonly private_key?: Secret;
  /** Of the private key. */
  readonly passphrase?: Secret;
  /** Socket of an SSH agent; true is the one of SSH_AUTH_SOCK. */
  readonly agent?: string | boolean;
  readonly password?: Secret;
  /** Instead of ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts. */
  readonly known_hosts?: string;
  /** Fingerprints (`SHA256:…`) of the server's key, instead of known_hosts. */
  readonly host_key?: string | readonly string[];
  /** Mode of files, octal as text. Default "0600". */
  readonly file_mode?: string;
  /** Mode of directories, octal as text. Default "0700". */
  readonly dir_mode?: string;
}

/** The options as the sink uses them. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly path: string;
  readonly login: LoginSettings;
  readonly trust: TrustSettings;
  readonly fileMode: number;
  readonly dirMode: number;
}

/** How the client shows who it is. At least one of key, agent and password is there. */
export interface LoginSettings {
  readonly privateKeyFile?: string | undefined;
  readonly privateKey?: Secret | undefined;
  readonly passphrase?: Secret | undefined;
  /** Path of the agent's socket. */
  readonly agent?: string | undefined;
  readonly password?: Secret | undefined;
}

/** Which host keys are the server's. */
export type TrustSettings =
  { readonly fingerprints: readonly string[] } | { readonly knownHosts: readonly string[] | undefined };

const FINGERPRINT = "^SHA256:[A-Za-z0-9+/]{43}$";
const fingerprint = { type: "string", pattern: FINGERPRINT };
const secret = (description: string): JsonSchema => ({ type: "string", "x-secret": true, description });

export const optionsSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  additionalProperties: false,
  required: ["host", "user", "path"],
  properties: {
    host: { type: "string", minLength: 1, description: "Name or address of the SSH server." },
    port: {
      type: "integer",
      minimum: 1,
      maximum: 65535,
      default: 22,
      description: "Port of the SSH server.",
    },
    user: { type: "string", minLength: 1, description: "User that logs in on the server." },
    path: {
      type: "string",
      minLength: 1,
      description:
        "Directory on the server that keeps the backups: absolute, or relative to the directory in which the user's sessions begin. It is created if its parent directory exists.",
    },
    private_key_file: {
      type: "string",
      pattern: "^(/|~/)",
      description: "File of the private key to log in with, as ssh-keygen makes it.",
    },
    private_key: secret("The private key itself, instead of private_key_file."),
    passphrase: secret("Passphrase of the private key."),
    agent: {
      type: ["string", "boolean"],
      description: "Socket of an SSH agent that has the key; true for the one of SSH_AUTH_SOCK.",
    },
    password: secret("Password to log in with. A key is better."),
    known_hosts: {
      type: "string",
      pattern: "^(/|~/)",
      description:
        "File of the host keys that are trusted. By default ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.",
    },
    host_key: {
      oneOf: [fingerprint, { type: "array", minItems: 1, items: fingerprint }],
      description:
        "Fingerprint of the server's host key (SHA256:…), or several of them, instead of known_hosts. ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub shows it on the server.",
    },
    file_mode: fileModeSchema,
    dir_mode: dirModeSchema,
  },
};

/**
 * Options as settings, with defaults. @param env for SSH_AUTH_SOCK
 * @throws SinkError `invalid` for what can't work.
 */
export function settings(
  options: SftpOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Settings {
  const { host, port = 22, user, path } = options;
  for (const [name, text] of Object.entries({ host, user, path }))
    if (text === "" || text.includes("\0")) throw invalid(`${name} ${JSON.stringify(text)} can't be`);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw invalid(`port ${port} is not a port`);
  return {
    host,
    port,
    user,
    path,
    login: login(options, env),
    trust: trust(options),
    fileMode: parseMode("file_mode", options.file_mode, fileModeSchema),
    dirMode: parseMode("dir_mode", options.dir_mode, dirModeSchema),
  };
}

function login(options: SftpOptions, env: Readonly<Record<string, string | undefined>>): LoginSettings {
  const { private_key_file: privateKeyFile, private_key: privateKey, passphrase, password } = options;
  if (privateKeyFile !== undefined && privateKey !== undefined)
    throw invalid("there are both private_key_file and private_key", "Leave one of them out.");
  const agent = options.agent === true ? env["SSH_AUTH_SOCK"] : options.agent;
  if (options.agent === true && agent === undefined)
    throw invalid(
      "agent is true, and SSH_AUTH_SOCK isn't set",
      "Start the agent in the environment of axon-backup, or write the path of its socket.",
    );
  const found = { privateKeyFile, privateKey, agent: agent === false ? undefined : agent, password };
  if (Object.values(found).every((value) => value === undefined))
    throw invalid(
      "there is nothing to log in with",
      "Set private_key_file, or private_key, agent or password.",
    );
  return { ...found, agent: typeof agent === "string" ? agent : undefined, passphrase };
}

function trust({ host_key: keys, known_hosts: file }: SftpOptions): TrustSettings {
  if (keys === undefined) return { knownHosts: file === undefined ? undefined : [file] };
  if (file !== undefined) throw invalid("there are both host_key and known_hosts", "Leave one of them out.");
  const fingerprints = typeof keys === "string" ? [keys] : keys;
  for (const text of fingerprints)
    if (!new RegExp(FINGERPRINT).test(text))
      throw invalid(
        `host_key ${JSON.stringify(text)} is not a fingerprint`,
        "Write it as ssh-keygen -l shows it: SHA256: and 43 characters.",
      );
  return { fingerprints };
}

function invalid(message: string, remedy?: string): SinkError {
  return new SinkError("invalid", message, remedy === undefined ? {} : { remedy });
}
