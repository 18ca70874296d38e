import type { SinkErrorKind } from "@axon-backup/sink";

/** What an error's code means, and what the operator can do. */
export interface Meaning {
  readonly kind: SinkErrorKind;
  readonly text: string;
  readonly remedy?: string;
}

const POLICY =
  "Give the credentials the rights that the README of @axon-backup/sink-s3 lists, on bucket and prefix.";
const BUSY = "Nothing, if it passes; else lower connections of this sink.";
const RETENTION = "Raise the quota or add storage or move the sink to a larger storage.";
const CREDENTIALS =
  "Give access_key_id and secret_access_key, or credentials where Amazon's tools find them.";
const KMS = "Enable the key, and allow the credentials kms:GenerateDataKey and kms:Decrypt.";
const AUTHORITY = "Give the certificate authority's certificate as ca.";
const REACH =
  "See whether the endpoint's name and port are right, the server runs, and no firewall is between.";
const OLD_SERVER = "Set checksums: when-required, for servers that don't know today's checksums.";

const transient = (text: string, remedy?: string): Meaning => ({ kind: "transient", text, ...(remedy !== undefined && { remedy }) }); // prettier-ignore
const denied = (text: string, remedy: string): Meaning => ({ kind: "denied", text, remedy });
const invalid = (text: string, remedy: string): Meaning => ({ kind: "invalid", text, remedy });
const full = (text: string): Meaning => ({ kind: "full", text, remedy: RETENTION });
const conflict = (text: string): Meaning => ({ kind: "conflict", text });

const archived = invalid("the object is in an archive class", "Bring it back with RestoreObject first, and wait."); // prettier-ignore
const expired = denied("the credentials have expired", "Renew the session's credentials.");
const noBucket = invalid(
  "there is no such bucket",
  "Create the bucket, or correct bucket, region or endpoint.",
);
const mixedUp = transient("the bytes were damaged on their way", "Nothing, if it passes; else check network and proxies."); // prettier-ignore
/** versitygw has another code for it. */
const unknownId = denied("the access key id isn't known", "Correct access_key_id, or the endpoint.");
const throttled = transient("the server asks for fewer requests", BUSY);

/** By the code of S3's answer. */
export const ANSWERS: Readonly<Record<string, Meaning>> = {
  NoSuchKey: { kind: "not-found", text: "doesn't exist" },
  NotFound: { kind: "not-found", text: "doesn't exist" },
  NoSuchBucket: noBucket,
  NoSuchUpload: transient("the upload was removed meanwhile", "See whether a lifecycle rule aborts uploads within hours."), // prettier-ignore
  InvalidBucketName: invalid("the bucket's name isn't valid", "Correct bucket."),
  AccessDenied: denied("access denied", POLICY),
  Forbidden: denied("access denied", POLICY),
  AllAccessDisabled: denied("the bucket is disabled", "Ask the storage's owner."),
  AccountProblem: denied("there is a problem with the account", "Ask the storage's owner."),
  InvalidAccessKeyId: unknownId,
  XAdminUserNotFound: unknownId,
  SignatureDoesNotMatch: denied("the signature is wrong", "Correct secret_access_key. If it is right, a proxy changes the requests."), // prettier-ignore
  RequestTimeTooSkewed: invalid("the clock of this machine is wrong by more than 15 minutes", "Set the clock, and keep it right with NTP."), // prettier-ignore
  RequestExpired: invalid("the clock of this machine is wrong", "Set the clock, and keep it right with NTP."),
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  TokenRefreshRequired: expired,
  InvalidToken: denied("the session token isn't valid", "Renew the session's credentials."),
  CredentialsProviderError: denied("no credentials are found", CREDENTIALS),
  TokenProviderError: denied("no credentials are found", CREDENTIALS),
  SlowDown: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  TooManyRequests: throttled,
  RequestLimitExceeded: throttled,
  ServiceUnavailable: transient("the service is not available", BUSY),
  InternalError: transient("the server failed"),
  RequestTimeout: transient("the server waited too long for the request's bytes"),
  OperationAborted: transient("another operation is in its way"),
  PreconditionFailed: conflict("the condition doesn't hold"),
  ConditionalRequestConflict: conflict("another conditional put was at the same object"),
  QuotaExceeded: full("the quota is exceeded"),
  QuotaExceededException: full("the quota is exceeded"),
  ServiceQuotaExceeded: full("the quota is exceeded"),
  InsufficientStorage: full("no space left"),
  XMinioStorageFull: full("no space left"),
  StorageFull: full("no space left"),
  EntityTooLarge: invalid("the object is larger than the storage takes", "Raise the storage's limit."),
  EntityTooSmall: invalid(
    "a part is smaller than the storage takes",
    "Report this: parts have 5 MiB at least.",
  ),
  InvalidRange: { kind: "range", text: "the range begins beyond the end" },
  InvalidObjectState: archived,
  InvalidStorageClass: invalid("the storage class isn't known", "Correct storage_class."),
  InvalidTag: invalid("a tag isn't valid", "Correct tags."),
  BadDigest: mixedUp,
  InvalidDigest: mixedUp,
  IncompleteBody: mixedUp,
  XAmzContentSHA256Mismatch: mixedUp,
  XAmzContentChecksumMismatch: mixedUp,
  MissingContentLength: invalid("the server wants requests in another form", OLD_SERVER),
  NotImplemented: invalid("the server doesn't know this kind of request", OLD_SERVER),
  "KMS.DisabledException": denied("the encryption key is disabled", KMS),
  "KMS.NotFoundException": denied("there is no such encryption key", "Correct encryption.key_id."),
  "KMS.AccessDeniedException": denied("the encryption key may not be used", KMS),
  "KMS.KMSInvalidStateException": denied("the encryption key can't be used", KMS),
};

/** Of status 400 without a code: answers to HEAD have no body that could tell. */
export const NO_REASON = denied(
  "the server gives no reason; credentials that have expired are the usual one",
  CREDENTIALS,
);

/** What came isn't S3's. */
export const NOT_S3 = invalid(
  "the answer isn't one of S3",
  "See whether endpoint is that of an S3 server, and no proxy answers in its place.",
);

/** By the status of an answer without a code, or with one that isn't known. */
export const STATUSES: Readonly<Record<number, Meaning>> = {
  401: denied("the credentials are refused", CREDENTIALS),
  403: denied("access denied", POLICY),
  404: { kind: "not-found", text: "doesn't exist" },
  409: transient("another operation is in its way"),
  411: invalid("the server wants requests in another form", OLD_SERVER),
  412: conflict("the condition doesn't hold"),
  413: invalid(
    "the object is larger than the storage takes",
    "Raise the storage's limit, or that of a proxy.",
  ),
  416: { kind: "range", text: "the range begins beyond the end" },
  429: throttled,
  507: full("no space left"),
};

/** By the code of an error of Node: there was no answer. */
export const CONNECTIONS: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: transient("the connection is refused", REACH),
  ECONNRESET: transient("the connection broke", "Nothing, if it passes; else check network, proxies and the server's log."), // prettier-ignore
  EPIPE: transient("the connection broke", "Nothing, if it passes; else check network, proxies and the server's log."), // prettier-ignore
  ENOTFOUND: transient("the name isn't known", "Correct endpoint or region, or this machine's DNS."),
  EAI_AGAIN: transient("DNS doesn't answer", "Check this machine's DNS."),
  ETIMEDOUT: transient("no connection in time", REACH),
  EHOSTUNREACH: transient("the host can't be reached", REACH),
  ENETUNREACH: transient("the network can't be reached", REACH),
  TimeoutError: transient("no connection in time", REACH),
  PROXY_AUTHENTICATION: denied("the proxy wants a login", "Write user and password into HTTPS_PROXY."),
  PROXY_REFUSES: transient("the proxy doesn't let the connection through", "Allow the host in the proxy, or name it in NO_PROXY."), // prettier-ignore
  CERT_HAS_EXPIRED: invalid("the server's certificate has expired", "Renew it; see that this machine's clock is right."), // prettier-ignore
  CERT_NOT_YET_VALID: invalid(
    "the server's certificate isn't valid yet",
    "See that this machine's clock is right.",
  ),
  ERR_TLS_CERT_ALTNAME_INVALID: invalid("the server's certificate is for another name", "Use its name as endpoint. With dots in a bucket's name: path_style: true."), // prettier-ignore
  SELF_SIGNED_CERT_IN_CHAIN: invalid("the server's certificate isn't of a known authority", AUTHORITY),
  DEPTH_ZERO_SELF_SIGNED_CERT: invalid("the server's certificate isn't of a known authority", AUTHORITY),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: invalid("the server's certificate isn't of a known authority", AUTHORITY),
  UNABLE_TO_GET_ISSUER_CERT: invalid("the server's certificate isn't of a known authority", AUTHORITY),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: invalid(
    "the server's certificate isn't of a known authority",
    AUTHORITY,
  ),
  EPROTO: invalid(
    "the server doesn't speak TLS as it should",
    "See whether the endpoint is http rather than https.",
  ),
  ERR_SSL_WRONG_VERSION_NUMBER: invalid("the server doesn't speak TLS", "See whether the endpoint is http rather than https."), // prettier-ignore
};
