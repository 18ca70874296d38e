import { isSinkError, SinkError, type SinkErrorKind } from "@axon-backup/sink";
import type { Response } from "./connection.js";

interface Meaning {
  readonly kind: SinkErrorKind;
  readonly text: string;
  readonly remedy?: string;
}

const STATUS: Readonly<Record<number, Meaning>> = {
  401: {
    kind: "denied",
    text: "user or password are wrong, or missing",
    remedy: "Correct user and password.",
  },
  403: {
    kind: "denied",
    text: "the server doesn't allow it",
    remedy: "Give the user the right to read, write, move and delete below url.",
  },
  404: { kind: "not-found", text: "doesn't exist" },
  // A collection that was there a moment ago.
  409: {
    kind: "transient",
    text: "the collection above it doesn't exist",
    remedy: "Create the collection above url; see whether somebody removes collections.",
  },
  412: { kind: "conflict", text: "it exists already" },
  413: {
    kind: "full",
    text: "too large for the server",
    remedy: "Raise the server's limit of a request's size.",
  },
  416: { kind: "range", text: "the range begins beyond the end" },
  423: { kind: "transient", text: "somebody holds a lock" },
  507: { kind: "full", text: "no space left", remedy: "Free space on the server, or raise the quota." },
};

/** What an answer means that is no success. Reads it to its end. */
export async function statusError(method: string, url: string, response: Response): Promise<SinkError> {
  const { statusCode } = response;
  const said = (await response.body.text()).slice(0, 500);
  const busy = statusCode >= 500 || statusCode === 408 || statusCode === 429;
  const { kind, text, remedy } = STATUS[statusCode] ?? {
    kind: busy ? "transient" : "invalid",
    text: "the server refuses the request",
    ...(busy ? {} : { remedy: "See whether url is that of a WebDAV server." }),
  };
  return new SinkError(kind, `can't ${method} ${url}: ${text} (${statusCode})`, {
    cause: new Error(`HTTP ${statusCode}: ${said}`),
    ...(remedy === undefined ? {} : { remedy }),
  });
}

/** What an error of the HTTP client means. Whatever isn't known here may go away by itself. */
export function networkError(error: unknown, method: string, url: string, signal?: AbortSignal): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (isSinkError(error)) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const certificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code);
  return new SinkError(certificate ? "invalid" : "transient", `can't ${method} ${url}: ${text(error)}`, {
    cause: error,
    ...(certificate
      ? { remedy: "Give the agent the authority's certificate: NODE_EXTRA_CA_CERTS=/path/ca.pem." }
      : {}),
  });
}

function text(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
