import { AxonServerError, type AxonServerErrorKind } from "../errors.js";
import { quote } from "../text.js";

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  /** "" if the server gave none. */
  readonly contentType: string;
  /** Where a redirect points to. */
  readonly location: string | undefined;
  /** The server's time, as it says. */
  readonly date: string | undefined;
  readonly text: string;
}

/** The error code in a text such as `[AXONIQ-6000] Missing worker for context: nope`. */
export function axoniqCode(text: string): string | undefined {
  return /\bAXONIQ-\d{4}\b/.exec(text)?.[0];
}

/** Whether an answer is a page for people rather than for us. */
export function isHtml(answer: Answer): boolean {
  return answer.contentType.startsWith("text/html") || /^\s*<(?:!doctype|html)/i.test(answer.text);
}

interface Finding {
  readonly kind: AxonServerErrorKind;
  readonly message: string;
  readonly remedy: string;
}

/**
 * An answer with another status than 200, as an error that tells the operator what to do.
 * @param what the call, as `GET http://host:8024/v1/public/version`
 */
export function answerError(what: string, answer: Answer): AxonServerError {
  const { kind, message, remedy } = byCode(answer) ?? byStatus(answer);
  const text = answer.text.trim();
  const said = text === "" ? "" : `: ${isHtml(answer) ? "an HTML page" : quote(text, 300)}`;
  return new AxonServerError(kind, `${what}: ${message} (status ${answer.status})${said}`, remedy);
}

function byCode(answer: Answer): Finding | undefined {
  switch (axoniqCode(answer.text)) {
    case undefined:
      return undefined;
    case "AXONIQ-6000":
      return {
        kind: "unknown-context",
        message: "the server has no such context, or doesn't store its events",
        remedy:
          "Check the context's name (`axon-backup check` shows those that this node stores), or ask the node that stores it.",
      };
    case "AXONIQ-7000":
      return {
        kind: "not-ready",
        message: "this node can't serve a backup now",
        remedy:
          "It will be tried again at the next run. If it stays so, look at the node's state in the server's log or console, or use another node.",
      };
    default:
      return undefined;
  }
}

function byStatus(answer: Answer): Finding {
  const { status } = answer;
  if (status >= 300 && status < 400) return redirect(answer);
  switch (status) {
    case 400:
      return {
        kind: "server-error",
        message: "the server doesn't understand the request",
        remedy: /requires TLS/i.test(answer.text)
          ? "The server has TLS switched on: server.url must begin with https://."
          : "Check that server.url is an Axon Server's, and its version. If it is supported, please report this.",
      };
    case 401:
      return {
        kind: "unauthorized",
        message: "the server wants an access token",
        remedy:
          "Set server.token to a file with the token of an application that has the role ADMIN (docs/axon-server.md, section 6).",
      };
    case 403:
      return {
        kind: "forbidden",
        message: "the server refuses the access token",
        remedy:
          "Check server.token, and that its application has the role ADMIN, or CONTEXT_ADMIN for every context to back up.",
      };
    case 404:
    case 405:
      return {
        kind: "unsupported",
        message: "the server doesn't have this call",
        remedy:
          "Check that server.url is an Axon Server's (with the right path, behind a proxy), and that its version is supported.",
      };
    case 407:
      return {
        kind: "forbidden",
        message: "a proxy wants credentials",
        remedy: "Connect to Axon Server directly.",
      };
    case 502:
    case 504:
      return {
        kind: "unreachable",
        message: "a proxy answers, the server behind it doesn't",
        remedy: "Check that Axon Server runs; better connect to it directly.",
      };
    case 503:
      return {
        kind: "not-ready",
        message: "the server isn't available now",
        remedy: "It may be starting. Look at the server's log if it stays so.",
      };
    default:
      return status >= 400
        ? {
            kind: "server-error",
            message: "the server failed",
            remedy: "Look at the server's log at this time for the reason.",
          }
        : {
            kind: "unexpected",
            message: "not an answer that Axon Server gives",
            remedy: "Check that server.url is an Axon Server's.",
          };
  }
}

function redirect(answer: Answer): Finding {
  const target = answer.location === undefined ? "elsewhere" : `to ${quote(withoutSecrets(answer.location))}`;
  return {
    kind: "unexpected",
    message: `the server redirects ${target}, which is not followed`,
    remedy:
      "If that is where Axon Server is, set server.url to it. A login page means that a proxy is in between: connect directly.",
  };
}

/** Without user, password, query and fragment: each may hold a session or a token. */
function withoutSecrets(location: string): string {
  return location.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//");
}
