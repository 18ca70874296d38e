import { request as plain, type ClientRequest, type IncomingMessage } from "node:http";
import { request as encrypted } from "node:https";
import { readSmallFile } from "../../../files/read-small-file.js";
import type { SecretReference } from "../../../secrets/reference.js";
import { resolveSecret, type SecretContext } from "../../../secrets/resolve.js";
import { VERSION } from "../../../version.js";
import { DeliveryError } from "./sender.js";

/** Of an answer, what stands in the log: the beginning. */
const MAX_ANSWER = 1024;
const MAX_CERTIFICATES_BYTES = 1024 * 1024;
/** Shorter paths are no secrets, and would be taken out of ordinary text. */
const MIN_SECRET_PATH = 9;

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM certificates of authorities, instead of the system's. */
  readonly ca?: string | undefined;
}

/**
 * Makes a request, on a connection of its own. Certificates are always verified; redirects aren't followed: what was meant for one isn't given to another.
 * @throws DeliveryError unless the answer is 2xx; the signal's reason. Names the host, and never the path: that may be a secret
 */
export async function fetchUrl(request: HttpRequest, signal: AbortSignal): Promise<void> {
  const { origin } = request.url;
  let response: IncomingMessage;
  let answer: string;
  try {
    response = await respond(request, signal);
    answer = await beginning(response);
  } catch (error) {
    signal.throwIfAborted();
    throw new DeliveryError(
      `${origin} can't be reached: ${reasonOf(error)}`,
      "Check the address, this machine's network and DNS, and the receiver's certificate.",
      { refused: false, cause: error },
    );
  }
  const { statusCode: status = 0, statusMessage = "" } = response;
  if (status >= 200 && status < 300) return;
  const said = `${origin} answers with ${`${status} ${statusMessage}`.trim()}`;
  if (status >= 300 && status < 400)
    throw new DeliveryError(
      `${said}: it is elsewhere`,
      "Configure the address that it leads to: redirects aren't followed.",
      { refused: true },
    );
  throw new DeliveryError(said, "Look at what the receiver says, and check the address.", {
    refused: status < 500 && ![408, 425, 429].includes(status),
    output: answer,
  });
}

function respond(
  { method, url, headers = {}, body, ca }: HttpRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = {
      method,
      headers: {
        "User-Agent": `axon-backup/${VERSION}`,
        ...(body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) }),
        ...headers,
      },
      agent: false,
      signal,
    } as const;
    const request: ClientRequest =
      url.protocol === "https:"
        ? encrypted(url, { ...options, rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) })
        : plain(url, options);
    request.on("response", resolve).on("error", reject).end(body);
  });
}

/** The first of what is answered; the rest isn't waited for. */
async function beginning(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length >= MAX_ANSWER) break;
  }
  response.destroy();
  return Buffer.concat(parts).toString("utf8").slice(0, MAX_ANSWER);
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

/**
 * An address, read anew each time; its path is kept out of every text.
 * @param use the key that needs it, for messages
 * @throws SecretError; DeliveryError when what the reference leads to is no address
 */
export async function resolveUrl(
  url: string | SecretReference,
  use: string,
  secrets: SecretContext,
): Promise<URL> {
  if (typeof url === "string") return new URL(url);
  const secret = await resolveSecret(url, use, secrets);
  const text = secret.reveal().trim();
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !["http:", "https:"].includes(parsed.protocol))
    throw new DeliveryError(
      `${use}: the secret is no address`,
      "It must be one line that begins with https://, and nothing else.",
      { refused: true },
    );
  const path = `${parsed.pathname}${parsed.search}`;
  for (const form of [parsed.href, path, parsed.pathname])
    if (form.length >= MIN_SECRET_PATH) secrets.redactor.add(form);
  return parsed;
}

/** @throws DeliveryError when the file can't be read */
export async function readAuthorities(
  path: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return (await readSmallFile(path, MAX_CERTIFICATES_BYTES, signal)).bytes.toString("utf8");
  } catch (error) {
    signal.throwIfAborted();
    throw new DeliveryError(
      `the certificates in ${path} can't be read`,
      "Check that the file is there and that the agent's user may read it.",
      { refused: false, cause: error },
    );
  }
}
