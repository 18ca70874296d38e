import { isSinkError, SinkError } from "@axon-backup/sink";
import { AzureFailure } from "./cause.js";
import { DAMAGED, FIREWALL_REMEDY, type Meaning, NETWORK, QUOTA, SERVICE } from "./meanings.js";
import type { Redact } from "./redact.js";

/** Azure refuses requests whose clock is off by more than this. */
const SKEW_MS = 15 * 60_000;
const KEY = "Compare the key or the SAS with the portal's, and see whether the key was rotated.";
const IDENTITY =
  "See whether this machine has a managed identity (client_id for a user-assigned one), and what the chain of credentials would find here.";

/**
 * An error of the SDK as a SinkError; others (of a source, an aborted signal's reason) as they are.
 * @param action what failed, as "put https://…"
 */
export function sinkError(error: unknown, action: string, redact: Redact, now = new Date()): unknown {
  if (isSinkError(error) || !(error instanceof Error)) return error;
  const failure = new AzureFailure(error, redact);
  const { kind, text, remedy } = meaning(failure, now);
  const marks = [failure.code, failure.status].filter((mark) => mark !== undefined).join(", ");
  return new SinkError(kind, redact(`can't ${action}: ${text}${marks === "" ? "" : ` (${marks})`}`), {
    cause: failure,
    ...(remedy === undefined ? {} : { remedy: redact(remedy) }),
  });
}

/** What the error stands for, and what the operator can do. */
export function meaning(failure: AzureFailure, now: Date): Meaning {
  const { code = "", status, name } = failure;
  if (status === 403 || status === 401 || code === "InvalidAuthenticationInfo") {
    const skew = clockSkew(failure, now);
    if (skew !== undefined) return skew;
  }
  if (code === "AuthenticationFailed" || code === "AuthorizationFailure") return refused(failure);
  if (
    code === "InvalidHeaderValue" &&
    /x-ms-version|API version/i.test(`${failure.detail ?? ""} ${failure.message}`)
  )
    return {
      kind: "invalid",
      text: "this service doesn't know the version of the protocol that the SDK speaks",
      remedy: "Update the emulator; Azurite has --skipApiVersionCheck.",
    };
  if (code === "InvalidOperation" && /contentMD5/i.test(failure.message)) return DAMAGED;
  const listed = SERVICE[code] ?? NETWORK[code];
  if (listed !== undefined) return listed;
  if (/Credential|Authentication/.test(name)) return identity(failure);
  if (code.includes("Quota") || status === 507) return { ...QUOTA, text: firstLine(failure) };
  return byStatus(failure);
}

function byStatus(failure: AzureFailure): Meaning {
  const { status } = failure;
  const text = firstLine(failure);
  if (status === undefined || status >= 500 || status === 429 || status === 408)
    return { kind: "transient", text };
  if (status === 401 || status === 403) return { kind: "denied", text, remedy: KEY };
  if (status === 404)
    return {
      kind: "invalid",
      text: `something that isn't a blob service answered: ${text}`,
      remedy: "Correct the endpoint, and see whether a proxy is in between.",
    };
  return { kind: "invalid", text };
}

/** AuthenticationFailed and AuthorizationFailure, told apart by what the service adds. */
function refused(failure: AzureFailure): Meaning {
  const { message, detail = "" } = failure;
  const all = `${message} ${detail}`;
  if (/not valid in the specified time frame|signed expiry|expired/i.test(all))
    return {
      kind: "denied",
      text: `the SAS isn't valid at this time${detail === "" ? "" : `: ${detail}`}`,
      remedy: "Make a new SAS, or set this machine's clock if it is wrong.",
    };
  if (/date header too old/i.test(all)) return wrongClock(detail === "" ? firstLine(failure) : detail);
  // Azurite answers a wrong key with the code of the other.
  if (failure.code === "AuthenticationFailed" || /failed to authenticate/i.test(message))
    return { kind: "denied", text: "Azure doesn't take the account key or the SAS", remedy: KEY };
  return {
    kind: "denied",
    text: "this machine isn't allowed to use the account, or nobody without a login is",
    remedy: FIREWALL_REMEDY,
  };
}

/** The service's clock against this machine's: a wrong one shows as a wrong key. */
function clockSkew({ answered }: AzureFailure, now: Date): Meaning | undefined {
  if (answered === undefined) return undefined;
  const off = now.getTime() - answered.getTime();
  if (Math.abs(off) < SKEW_MS) return undefined;
  const minutes = Math.round(Math.abs(off) / 60_000);
  return wrongClock(`this machine's clock is ${minutes} minutes ${off > 0 ? "ahead of" : "behind"} Azure's`);
}

function wrongClock(text: string): Meaning {
  return { kind: "denied", text, remedy: "Set this machine's clock, and keep it right with NTP." };
}

/** Errors of @azure/identity. */
function identity(failure: AzureFailure): Meaning {
  const text = `no login from the credential: ${firstLine(failure)}`;
  const { status } = failure;
  return status === 429 || (status !== undefined && status >= 500)
    ? { kind: "transient", text }
    : { kind: "denied", text, remedy: IDENTITY };
}

/** The service's messages end in lines with the request's number and time. */
function firstLine({ message, name }: AzureFailure): string {
  const [line = ""] = message.trim().split("\n");
  return line === "" ? name : line;
}
