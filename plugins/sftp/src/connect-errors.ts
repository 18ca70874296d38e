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
    default:
  }
  if (/identification|ident|Unexpected (packet|byte)|Bad packet length/i.test(text))
    return ["invalid", `that isn't an SSH server: ${text}`, "Correct host and port."];
  if (/subsystem|open channel|Channel open/i.test(text))
    return [
      "invalid",
      `the server lets ${user} in, and offers no SFTP: ${text}`,
      "Add Subsystem sftp internal-sftp to the server's sshd_config.",
    ];
  return [
    "transient",
    text,
    "The server's log says more. It refuses connections when there are too many (MaxStartups) or the address is blocked.",
  ];
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
