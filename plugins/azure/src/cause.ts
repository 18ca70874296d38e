import type { Redact } from "./redact.js";

/**
 * The error of the SDK, as the cause of a SinkError: everything that it says, without its request and response. These hold the URL with the SAS, and the
 * headers with the key's signature or the token, for every way of printing an error deeply enough to find.
 */
export class AzureFailure extends Error {
  override readonly name: string;
  /** Error code of the service, of Node or of OpenSSL. */
  readonly code: string | undefined;
  /** Of HTTP. */
  readonly status: number | undefined;
  /** Under this number Microsoft's support finds the request. */
  readonly requestId: string | undefined;
  /** What the service adds to its message (AuthenticationErrorDetail, for instance). */
  readonly detail: string | undefined;
  /** The service's clock when it answered. */
  readonly answered: Date | undefined;
  /** Of several ways that were tried, each one's. */
  readonly errors: readonly AzureFailure[] | undefined;

  constructor(error: Error, redact: Redact) {
    const { cause } = error;
    super(redact(error.message), cause instanceof Error ? { cause: new AzureFailure(cause, redact) } : {});
    this.name = error.name;
    if (error.stack !== undefined) this.stack = redact(error.stack);
    const header = headersOf(error);
    const code = header("x-ms-error-code") ?? text(error, "code");
    this.code = code === undefined ? undefined : redact(code);
    this.status = number(error, "statusCode");
    this.requestId = header("x-ms-request-id");
    this.detail = detailOf(error, redact);
    const date = new Date(header("date") ?? Number.NaN);
    this.answered = Number.isNaN(date.getTime()) ? undefined : date;
    const several: readonly unknown[] = "errors" in error && Array.isArray(error.errors) ? error.errors : [];
    this.errors =
      several.length === 0
        ? undefined
        : several.filter((one) => one instanceof Error).map((one) => new AzureFailure(one, redact));
  }
}

/** The response's headers, of an error that has one. */
function headersOf(error: Error): (name: string) => string | undefined {
  const response: unknown = "response" in error ? error.response : undefined;
  const headers: unknown = isObject(response) ? response["headers"] : undefined;
  return (name) => {
    const get: unknown = isObject(headers) ? headers["get"] : undefined;
    const value: unknown = typeof get === "function" ? get.call(headers, name) : undefined;
    return typeof value === "string" ? value : undefined;
  };
}

/** What the service says beside code and message. */
function detailOf(error: Error, redact: Redact): string | undefined {
  const details: unknown = "details" in error ? error.details : undefined;
  if (!isObject(details)) return undefined;
  const known = ["authenticationErrorDetail", "AuthenticationErrorDetail", "HeaderName", "headerName"];
  const found = known.map((name) => details[name]).filter((value) => typeof value === "string");
  return found.length === 0 ? undefined : redact(found.join("; "));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function text(error: Error, name: string): string | undefined {
  const value: unknown = isObject(error) ? error[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

function number(error: Error, name: string): number | undefined {
  const value: unknown = isObject(error) ? error[name] : undefined;
  return typeof value === "number" ? value : undefined;
}
