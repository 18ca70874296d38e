import { join } from "node:path";
import { Secret } from "@axon-backup/sink";
import { readSmallFile, UnsuitableFile } from "../files/read-small-file.js";
import type { Redactor } from "./redactor.js";
import { describeReference, type SecretReference } from "./reference.js";
import { SecretError } from "./secret-error.js";

/** More is no secret but a mistake: a device, a log file. */
const MAX_SECRET_BYTES = 1024 * 1024;

/** What resolving needs from around it. */
export interface SecretContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Learns every value, so that none is ever printed. */
  readonly redactor: Redactor;
  /** Takes what an operator should mend although it works. */
  readonly warn: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The value of a secret, read now: whoever replaces the file sees the new value at the next use. Trailing line breaks are stripped.
 * @param use the key that needs it, for messages: `server.token`
 * @throws SecretError
 */
export async function resolveSecret(
  reference: SecretReference,
  use: string,
  context: SecretContext,
): Promise<Secret> {
  const value = (await readValue(reference, use, context)).replace(/[\r\n]+$/, "");
  if (value === "")
    throw new SecretError(
      `${use}: ${describeReference(reference)} is empty`,
      "Put the secret there, or remove the setting.",
    );
  context.redactor.add(value);
  return new Secret(value);
}

async function readValue(reference: SecretReference, use: string, context: SecretContext): Promise<string> {
  if ("file" in reference) return readSecretFile(reference.file, use, context, true);
  if ("env" in reference) {
    const value = context.env[reference.env];
    if (value !== undefined) return value;
    throw new SecretError(
      `${use}: ${describeReference(reference)} is not set`,
      `Set ${reference.env} in the agent's environment.`,
    );
  }
  const directory = context.env["CREDENTIALS_DIRECTORY"];
  if (directory === undefined || directory === "")
    throw new SecretError(
      `${use}: ${describeReference(reference)} can't be read: CREDENTIALS_DIRECTORY is not set`,
      `Credentials exist in systemd services only: add LoadCredential=${reference.credential}:/path to the unit, or use {file: …}.`,
    );
  // systemd guards that directory; its files' modes say nothing about who gets there.
  return readSecretFile(join(directory, reference.credential), use, context, false);
}

async function readSecretFile(
  path: string,
  use: string,
  context: SecretContext,
  judgeMode: boolean,
): Promise<string> {
  try {
    const { bytes, mode } = await readSmallFile(path, MAX_SECRET_BYTES, context.signal);
    if (judgeMode && (mode & 0o004) !== 0)
      context.warn(`${use}: every user can read the secret in ${path}: chmod o-r ${path}`);
    return bytes.toString("utf8");
  } catch (error) {
    context.signal?.throwIfAborted();
    if (error instanceof UnsuitableFile)
      throw new SecretError(
        `${use}: can't read the secret from ${path}: it ${error.message}`,
        "Name a file that holds the secret and nothing else, or use {env: NAME} or {credential: name}.",
      );
    throw new SecretError(
      `${use}: can't read the secret from ${path}`,
      "Check that the file is there and that the agent's user may read it.",
      error,
    );
  }
}
