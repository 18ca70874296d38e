import { SinkError } from "@axon-backup/sink";
import { ANSWERS, CONNECTIONS, type Meaning, NO_REASON, NOT_S3, STATUSES } from "./meanings.js";

/** What is known of an error of the SDK. Its shape is looked at, not its class: the codes of other servers have none. */
interface Failure {
  readonly code: string;
  readonly status: number | undefined;
  readonly message: string;
  /** The bucket's region, where the server names it. */
  readonly region: string | undefined;
}

function failure(error: Error): Failure {
  const details = error as Error & {
    readonly code?: unknown;
    readonly Code?: unknown;
    readonly Region?: unknown;
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly $response?: {
      readonly statusCode?: number;
      readonly headers?: Readonly<Record<string, string>>;
    };
  };
  const text = (value: unknown): string | undefined =>
    typeof value === "string" && value !== "" ? value : undefined;
  const { $response } = details;
  return {
    code: text(details.Code) ?? text(details.code) ?? details.name,
    status: details.$metadata?.httpStatusCode ?? $response?.statusCode,
    message: error.message,
    region: text(details.Region) ?? $response?.headers?.["x-amz-bucket-region"],
  };
}

/** What the SDK calls an answer without a body. */
const NO_CODE = "Unknown";

/** The code of the server's answer or of Node's error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error ? failure(error).code : undefined;
}

/** An error of the SDK as a SinkError. @param action what failed, as "store s3://bucket/key" */
export function sinkError(error: unknown, action: string): unknown {
  if (!(error instanceof Error) || error instanceof SinkError) return error;
  const found = failure(error);
  const { kind, text, remedy } = meaning(found);
  const source = [found.code, found.status === undefined ? "" : `HTTP ${found.status}`];
  const details = source.filter((part) => part !== "" && part !== "Error").join(", ");
  return new SinkError(kind, `can't ${action}: ${text}${details === "" ? "" : ` (${details})`}`, {
    cause: error,
    ...(remedy === undefined ? {} : { remedy }),
  });
}

function meaning(found: Failure): Meaning {
  const { code, status, message } = found;
  if (isRedirect(found)) return otherRegion(found);
  if (status === undefined) return CONNECTIONS[code] ?? ANSWERS[code] ?? unanswered(code, message);
  const known = ANSWERS[code] ?? STATUSES[status];
  if (known !== undefined) return known;
  if (status === 400 && code === NO_CODE) return NO_REASON;
  // The server's own words: there are none better.
  if (status >= 500) return { kind: "transient", text: message };
  if (status < 300) return NOT_S3;
  return { kind: "invalid", text: message };
}

function unanswered(code: string, message: string): Meaning {
  if (message.includes("Region is missing"))
    return { kind: "invalid", text: "no region is known", remedy: "Write the bucket's region as region." };
  if (code.startsWith("HPE_"))
    return {
      kind: "invalid",
      text: "the server doesn't speak HTTP",
      remedy: "See whether the endpoint's port is right, and whether it is https rather than http.",
    };
  return { kind: "transient", text: message };
}

function isRedirect({ code, status }: Failure): boolean {
  return (
    ["PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"].includes(code) || // prettier-ignore
    (status !== undefined && status >= 301 && status <= 308)
  );
}

function otherRegion({ region }: Failure): Meaning {
  return {
    kind: "invalid",
    text: region === undefined ? "the bucket is in another region" : `the bucket is in the region ${region}`,
    remedy: region === undefined ? "Set region to the bucket's." : `Set region: ${region}.`,
  };
}
