/**
 * What went wrong with the server or its files:
 *
 * - `unreachable`: no connection, or it broke off.
 * - `timeout`: no whole answer in time.
 * - `tls`: certificates don't fit.
 * - `unauthorized`: the server wants a token and got none (401).
 * - `forbidden`: the token is wrong or lacks the role (403).
 * - `not-ready`: this node can't serve a backup now (AXONIQ-7000, 503).
 * - `unknown-context`: the server doesn't have the context, or doesn't store its events.
 * - `unknown-group`: the cluster doesn't have the replication group, or this node is no member of it.
 * - `unsupported`: the server lacks the call.
 * - `server-error`: another error that the server gave.
 * - `unexpected`: an answer that isn't of the known shape. The run stops: guessing would endanger the backup.
 * - `configuration`: storage roots or paths are missing or wrong.
 * - `vanished`: a listed file isn't there (any more).
 * - `refused`: a listed file is not one that may be read: outside of the roots, a link, a device, a name not of the grammar.
 * - `unreadable`: the file is there and can't be read.
 */
export type AxonServerErrorKind =
  | "unreachable"
  | "timeout"
  | "tls"
  | "unauthorized"
  | "forbidden"
  | "not-ready"
  | "unknown-context"
  | "unknown-group"
  | "unsupported"
  | "server-error"
  | "unexpected"
  | "configuration"
  | "vanished"
  | "refused"
  | "unreadable";

/** Names what failed, where and why in its message, and what the operator can do in `remedy`. */
export class AxonServerError extends Error {
  override readonly name = "AxonServerError";
  readonly kind: AxonServerErrorKind;
  readonly remedy: string;

  constructor(kind: AxonServerErrorKind, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
    this.remedy = remedy;
  }
}
