import { SinkError, type SinkErrorKind } from "@axon-backup/sink";
import { describeLogin } from "./login.js";
import type { Settings } from "./options.js";

type Meaning = readonly [kind: SinkErrorKind, text: string, remedy: string];

/** Why no session came about, and what to do. `error` is that of Node's socket or of ssh2. */
export function connectError(error: unknown, settings: Settings): SinkError {
  if (error instanceof SinkError) return error;
  const { host, port } = settings;
  const [kind, text, remedy] = meaning(error, settings);
  return new SinkError(kind, `can't connect to ${host}:${port}: ${text}`, { cause: error, remedy });
}

/** Whether client and server know no algorithm in common. */
export function isDisagreement(error: unknown): boolean {
  return error instanceof SinkError && property(error.cause, "level") === "handshake";
}

function meaning(error: unknown, settings: Settings): Meaning {
  const { host, port, user, login } = settings;
  const text = error instanceof Error ? error.message : String(error);
  const code = property(error, "code");
  const network = code === undefined ? undefined : NETWORK[code];
  if (network !== undefined) return [network[0], network[1](host, port), network[2]];
  switch (property(error, "level")) {
    case "client-authentication":
      return [
        "denied",
        `the server refuses ${describeLogin(login)} for the user ${user}`,
        `Check user, and that the server's authorized_keys of ${user} has the public key; its log says more.`,
      ];
    case "agent":
      return [
        "denied",
        `the SSH agent fails: ${text}`,
        "See whether the agent runs and has the key (ssh-add -l).",
      ];
    case "handshake":
      return [
        "invalid",
        `there is no agreement with the server on how to talk: ${text}`,
        "Use a server of today (OpenSSH 7.4 or newer), or allow its newer algorithms.",
      ];
    case "client-timeout":
      return [
        "transient",
        "the server takes the connection, and then doesn't answer in time",
        "See whether it is overloaded, and whether host and port are those of an SSH server.",
      ];
    case undefined:
    default:
  }
  if (/identification|before handshake/i.test(text))
    return [
      "transient",
      `the connection ended before the server said that it is an SSH server: ${text}`,
      "See whether host and port are those of an SSH server. One refuses connections when there are too many (MaxStartups) or the address is blocked.",
    ];
  // What isn't a packet of SFTP is text of a shell: "This account is currently not available", or the output of a .bashrc.
  if (/subsystem|open channel|SFTP session termination|Packet length|Unknown packet/i.test(text))
    return [
      "invalid",
      `the server lets ${user} in, and then doesn't speak SFTP: ${text}`,
      `Set Subsystem sftp internal-sftp in the server's sshd_config, and ForceCommand internal-sftp for ${user}.`,
    ];
  return ["transient", text, "The server's log says more."];
}

type Network = readonly [SinkErrorKind, (host: string, port: number) => string, string];

const ROUTE = "Check host, the network and the firewalls between.";
const NETWORK: Readonly<Record<string, Network>> = {
  ECONNREFUSED: [
    "transient",
    (_, port) => `nothing listens on port ${port} (ECONNREFUSED)`,
    "Start the SSH server, or correct port.",
  ],
  ENOTFOUND: [
    "transient",
    (host) => `there is no host ${host} (ENOTFOUND)`,
    "Correct host, or the name server's entry.",
  ],
  EAI_AGAIN: [
    "transient",
    (host) => `the name server doesn't answer for ${host} (EAI_AGAIN)`,
    "Check the name server.",
  ],
  EHOSTUNREACH: ["transient", () => "there is no way to the host (EHOSTUNREACH)", ROUTE],
  ENETUNREACH: ["transient", () => "there is no way to its network (ENETUNREACH)", ROUTE],
  ETIMEDOUT: ["transient", () => "the host doesn't answer (ETIMEDOUT)", ROUTE],
};

function property(error: unknown, name: string): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === "string" ? value : undefined;
}
