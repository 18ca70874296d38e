import { AxonServerError, type ServerIdentity, type ServerSource } from "@axon-backup/axon-server";
import { firstAnswer } from "../checks/first-answer.js";
import { isAccessRefused } from "../checks/token.js";
import type { OpenServer } from "../composition/source.js";
import type { PathMapping, ServerConfiguration } from "../config/types.js";
import { UsageError } from "../errors/usage-error.js";
import type { Questions } from "./questions.js";
import { checkUrl, DEFAULT_SERVER, type InitRequest } from "./request.js";

/** A server that has answered. */
export interface FoundServer {
  readonly url: string;
  readonly tokenFile: string | undefined;
  readonly ca: string | undefined;
  readonly identity: ServerIdentity;
}

/** What finding out needs. */
export interface Finding {
  readonly open: OpenServer;
  readonly questions: Questions;
  readonly signal: AbortSignal;
}

/**
 * Asks the server what it is; whoever sits at the terminal for its address and token, if need be.
 * @throws AxonServerError when it can't be asked; UsageError when a token is missing and nobody can be asked for it
 */
export async function findServer(
  { server, tokenFile, ca }: InitRequest,
  finding: Finding,
): Promise<FoundServer> {
  const { questions } = finding;
  const url = server ?? checkUrl(await questions.text("Axon Server's HTTP address", DEFAULT_SERVER));
  let token = tokenFile;
  for (;;) {
    try {
      const identity = await withSource({ url, tokenFile: token, ca }, [], finding, (source) =>
        identify(source, url, finding),
      );
      return { url, tokenFile: token, ca, identity };
    } catch (error) {
      finding.signal.throwIfAborted();
      if (!isAccessRefused(error)) throw error;
      if (!questions.asks) throw tokenMissing(token, error);
      questions.say(error instanceof Error ? error.message : String(error));
      const file = await questions.text("File that holds the access token (empty: give up)");
      if (file === "") throw tokenMissing(token, error);
      token = absolutePath(file);
    }
  }
}

/** Uses the server with these mappings. */
export async function withSource<T>(
  { url, tokenFile, ca }: Pick<FoundServer, "url" | "tokenFile" | "ca">,
  paths: readonly PathMapping[],
  { open }: Finding,
  use: (source: ServerSource) => Promise<T>,
  storage?: readonly string[],
): Promise<T> {
  const server: ServerConfiguration = {
    url,
    ...(tokenFile === undefined ? {} : { token: { file: tokenFile } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(storage && storage.length > 0 ? { storage } : {}),
    paths,
    timeouts: {},
  };
  const source = await open(server);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

function identify(
  source: ServerSource,
  url: string,
  { questions, signal }: Finding,
): Promise<ServerIdentity> {
  return firstAnswer(
    `the server at ${url}`,
    {
      signal,
      say: (text) => {
        questions.say(text);
      },
    },
    (inTime) => source.identify(inTime),
    (message, remedy) => new AxonServerError("unreachable", message, remedy),
  );
}

function tokenMissing(token: string | undefined, cause: unknown): UsageError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return token === undefined
    ? new UsageError(
        `--token-file is missing: ${why}`,
        "Name the file that holds the access token of an application with the role ADMIN: --token-file FILE.",
      )
    : new UsageError(
        `the token in ${token} is refused: ${why}`,
        "It must be the token of an application with the role ADMIN, or CONTEXT_ADMIN for every context to back up.",
      );
}

function absolutePath(path: string): string {
  if (path.startsWith("/")) return path;
  throw new UsageError(
    "the file of the token must be named from / on",
    "Begin again, with its absolute path.",
  );
}
