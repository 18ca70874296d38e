import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";

import { AxonServerError } from "../errors.js";
import type { AxonServerOptions } from "./types.js";

/** Where requests go: `origin` as `http://host:8024`, `prefix` as `/axon` or "". */
export interface BaseUrl {
  readonly origin: string;
  readonly prefix: string;
}

/**
 * The server's URL, taken apart.
 * @throws AxonServerError `configuration` if it isn't http or https, or carries credentials, a query or a fragment. The message never repeats credentials.
 */
export function parseBaseUrl(text: string): BaseUrl {
  const shown = JSON.stringify(
    text
      .replace(/\/\/.*@/s, "//…@")
      .replace(/[?#].*$/s, "?…")
      .slice(0, 200),
  );
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw configuration(
      `${shown} is not a URL`,
      "Write server.url as http://host:8024 or https://host:8024.",
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw configuration(`${shown} is neither http nor https`, "Write server.url as http://host:8024.");
  if (url.username !== "" || url.password !== "")
    throw configuration(
      "the server's URL has credentials in it",
      "Take them out of server.url: they would end up in logs. Axon Server knows access tokens only; set server.token.",
    );
  if (url.search !== "" || url.hash !== "")
    throw configuration(
      `${shown} has a query or a fragment`,
      "Write server.url without anything from ? or # on.",
    );
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, "") };
}

/** TLS options for a connection; undefined without any. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

/**
 * The TLS options as Node wants them.
 * @throws AxonServerError `configuration` if the PEM texts don't parse or the key isn't the certificate's.
 */
export function parseTls(tls: AxonServerOptions["tls"]): TlsOptions {
  if (tls === undefined) return {};
  if ((tls.certificate === undefined) !== (tls.key === undefined))
    throw configuration(
      "a client certificate needs both a certificate and a key",
      "Set both server.tls.cert and server.tls.key, or neither.",
    );
  const options: TlsOptions = {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
  if (tls.ca !== undefined) checkCertificates("ca", tls.ca);
  if (tls.certificate !== undefined) checkCertificates("cert", tls.certificate);
  try {
    createSecureContext(options);
  } catch (cause) {
    throw configuration(
      `the TLS certificates can't be used: ${cause instanceof Error ? cause.message : String(cause)}`,
      "Check server.tls.ca, server.tls.cert and server.tls.key: they must be PEM texts, and the key the certificate's own, without a passphrase.",
      cause,
    );
  }
  return options;
}

/** Node skips what it can't read of a CA text, which would show as an unknown issuer only much later. */
function checkCertificates(name: string, pem: string): void {
  const blocks =
    pem.match(/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----.*?-----END [A-Z0-9 ]*CERTIFICATE-----/gs) ?? [];
  let problem = blocks.length === 0 ? "there is no certificate in it" : undefined;
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  if (problem === undefined) return;
  throw configuration(
    `the TLS ${name} is not a PEM text of certificates: ${problem}`,
    `Give server.tls.${name} a file that begins with -----BEGIN CERTIFICATE-----.`,
  );
}

function configuration(message: string, remedy: string, cause?: unknown): AxonServerError {
  return new AxonServerError("configuration", message, remedy, cause);
}
