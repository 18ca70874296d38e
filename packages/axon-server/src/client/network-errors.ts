import { AxonServerError } from "../errors.js";

/** The system's or library's code of an error: `ECONNREFUSED`, `UND_ERR_SOCKET`, … */
function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

function causes(error: unknown): readonly unknown[] {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors as unknown[];
  return [error];
}

/**
 * Whether the connection never stood, so that the server can't have seen anything of the request. Only errors of connecting itself
 * count: a reset is never one of them.
 */
export function isBeforeConnection(error: unknown): boolean {
  return causes(error).every((cause) => {
    if (codeOf(cause) === "UND_ERR_CONNECT_TIMEOUT") return true;
    if (!(cause instanceof Error) || !("syscall" in cause)) return false;
    return cause.syscall === "connect" || cause.syscall === "getaddrinfo";
  });
}

const TLS_CODE = /^(?:ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_)/;

const CHECK_SERVER =
  "Check that Axon Server runs and that server.url names its host and HTTP port (8024 by default).";

/**
 * What undici, or the system below it, threw while `what` was asked for.
 * @param what the call, as `GET http://host:8024/v1/public/version`
 */
export function networkError(what: string, error: unknown): AxonServerError {
  const [first] = causes(error);
  const code = codeOf(first) || codeOf(error);
  const detail = first instanceof Error ? first.message : String(first);
  const fail = (kind: "unreachable" | "timeout" | "tls" | "unexpected", message: string, remedy: string) =>
    new AxonServerError(kind, `${what}: ${message}`, remedy, error);

  if (TLS_CODE.test(code) || code === "EPROTO")
    return fail("tls", tlsMessage(code, detail), tlsRemedy(code, detail));
  if (code.startsWith("HPE_"))
    return fail(
      "unexpected",
      `not an HTTP answer (${code})`,
      "Check server.url: the port speaks another protocol. Axon Server's HTTP port is 8024 by default, 8124 is gRPC; with TLS the URL begins with https://.",
    );
  switch (code) {
    case "ECONNREFUSED":
      return fail("unreachable", `connection refused (${detail})`, CHECK_SERVER);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return fail(
        "unreachable",
        `the host name can't be resolved (${code})`,
        "Check the host in server.url and this machine's DNS.",
      );
    case "UND_ERR_CONNECT_TIMEOUT":
    case "ETIMEDOUT":
      return fail(
        "unreachable",
        "no connection in time",
        `${CHECK_SERVER} A firewall that drops packets looks like this too.`,
      );
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return fail(
        "timeout",
        "no answer in time",
        "Look at the server's load and log; raise server.timeouts if it is only slow.",
      );
    case "UND_ERR_RES_EXCEEDED_MAX_SIZE":
      return fail(
        "unexpected",
        "the answer is larger than any real one",
        "Check that server.url is an Axon Server's.",
      );
    case "UND_ERR_SOCKET":
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
    case "ECONNRESET":
    case "EPIPE":
      return fail(
        "unreachable",
        `the connection broke off (${detail})`,
        "Look at the server's log: it was stopped, or something between closed the connection. With TLS switched on at the server, server.url must begin with https://; a server that wants a client certificate (server.tls.cert and server.tls.key), or another one, closes like this, too.",
      );
    default:
      return fail("unreachable", code === "" ? detail : `${detail} (${code})`, CHECK_SERVER);
  }
}

function tlsMessage(code: string, detail: string): string {
  if (detail.includes("wrong version number") || detail.includes("packet length too long"))
    return "the server doesn't speak TLS on this port";
  return `TLS failed: ${detail} (${code})`;
}

function tlsRemedy(code: string, detail: string): string {
  if (detail.includes("wrong version number") || detail.includes("packet length too long"))
    return "If TLS is off at the server, server.url must begin with http://.";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return "The certificate is for another name: use that name in server.url, or set server.tls.server_name.";
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID")
    return "Renew the server's certificate, or set this machine's clock right.";
  if (/ALERT|CERTIFICATE_REQUIRED/.test(code))
    return "The server refuses this client's certificate: check server.tls.cert and server.tls.key.";
  return "Give server.tls.ca the certificate of the authority that signed the server's.";
}
