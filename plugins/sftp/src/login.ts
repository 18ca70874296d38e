import { readFile } from "node:fs/promises";
import { SinkError } from "@axon-backup/sink";
import ssh2, { type ConnectConfig } from "ssh2";
import { expandHome } from "./host-key.js";
import type { LoginSettings } from "./options.js";

/** What ssh2 needs to log in. Read anew for every connection. Holds secrets: never to be shown. */
export type Login = Pick<
  ConnectConfig,
  "privateKey" | "passphrase" | "agent" | "password" | "tryKeyboard" | "authHandler"
>;

/** @throws SinkError `invalid` when the key can't be read or needs another passphrase */
export async function readLogin(settings: LoginSettings): Promise<Login> {
  const { agent, password } = settings;
  const key = await readKey(settings);
  return {
    ...key,
    ...(agent === undefined ? {} : { agent: expandHome(agent) }),
    // Many servers ask for a password by questions alone.
    ...(password === undefined ? {} : { password: password.reveal(), tryKeyboard: true }),
    authHandler: [
      ...(key === undefined ? [] : ["publickey" as const]),
      ...(agent === undefined ? [] : ["agent" as const]),
      ...(password === undefined ? [] : ["password" as const, "keyboard-interactive" as const]),
    ],
  };
}

/** What is tried, for messages. */
export function describeLogin({ privateKey, privateKeyFile, agent, password }: LoginSettings): string {
  const means = [
    ...(privateKeyFile === undefined ? [] : [`the key ${privateKeyFile}`]),
    ...(privateKey === undefined ? [] : ["the private key"]),
    ...(agent === undefined ? [] : [`the keys of the agent ${agent}`]),
    ...(password === undefined ? [] : ["the password"]),
  ];
  return means.join(" and ");
}

async function readKey(
  settings: LoginSettings,
): Promise<Pick<Login, "privateKey" | "passphrase"> | undefined> {
  const { privateKeyFile, privateKey: given, passphrase } = settings;
  const name = privateKeyFile ?? "private_key";
  if (privateKeyFile === undefined && given === undefined) return undefined;
  const privateKey =
    privateKeyFile === undefined ? (given?.reveal() ?? "") : await readKeyFile(privateKeyFile);
  const secret = passphrase === undefined ? {} : { passphrase: passphrase.reveal() };
  const parsed = ssh2.utils.parseKey(privateKey, secret.passphrase);
  if (!(parsed instanceof Error)) return { privateKey, ...secret };
  // ssh2 tells no more than its text.
  const [text, remedy] = /no passphrase/i.test(parsed.message)
    ? ["is encrypted, and there is no passphrase", "Set passphrase, or use a key without one."]
    : passphrase !== undefined && /passphrase|integrity|decrypt|bad/i.test(parsed.message)
      ? ["can't be decrypted with this passphrase", "Correct passphrase."]
      : ["is not a private key that can be used", "Make one with ssh-keygen -t ed25519."];
  throw new SinkError("invalid", `${name} ${text}`, { cause: parsed, remedy });
}

async function readKeyFile(file: string): Promise<Buffer> {
  try {
    return await readFile(expandHome(file));
  } catch (error) {
    throw new SinkError("invalid", `can't read the private key ${file}: ${String(error)}`, {
      cause: error,
      remedy: "Correct private_key_file, or let the agent's user read it.",
    });
  }
}
