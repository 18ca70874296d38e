import type { SinkErrorKind } from "@axon-backup/sink";

/** What an error code stands for. */
export interface Meaning {
  readonly kind: SinkErrorKind;
  readonly text: string;
  readonly remedy?: string;
}

function denied(text: string, remedy: string): Meaning {
  return { kind: "denied", text, remedy };
}

function invalid(text: string, remedy: string): Meaning {
  return { kind: "invalid", text, remedy };
}

const busy = (text: string): Meaning => ({ kind: "transient", text });
const conflict: Meaning = { kind: "conflict", text: "the condition doesn't hold any more" };

const ROLE =
  "Give the identity the role Storage Blob Data Contributor on the container (a new assignment takes some minutes), or make the SAS with sp=rcwdl.";
const FIREWALL =
  "Allow this machine in the account's networking settings (firewall, virtual network or private endpoint).";
const WORM =
  "Use a container without a container-wide retention policy: axon-backup replaces the copies of open segments. Versioning, soft delete and version-level immutability are fine.";
const FOREIGN = "Something else wrote into the sink's prefix: look at the blob, and move it away.";
const LEASE = "Break the lease (az storage blob lease break), and see who takes it.";
const REHYDRATE =
  "Rehydrate the blob (az storage blob set-tier --tier hot) and wait, up to 15 hours; don't use archive for what must be restored soon.";
const CONTAINER = "Create the container (az storage container create), or correct its name.";
const TIER = "Remove tier for this kind of object, or use a general-purpose v2 account.";

export const DAMAGED = busy("the bytes that arrived aren't those that were sent (MD5)");
export const QUOTA: Meaning = {
  kind: "full",
  text: "the account's quota is used up",
  remedy: "Raise the quota or move the sink to a larger storage.",
};

/**
 * Codes of the service: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and common-rest-api-error-codes.
 * AuthenticationFailed and AuthorizationFailure have a function of their own: they stand for several things.
 */
export const SERVICE: Readonly<Record<string, Meaning>> = {
  BlobNotFound: { kind: "not-found", text: "there is no such blob" },
  ConditionNotMet: conflict,
  TargetConditionNotMet: conflict,
  BlobAlreadyExists: { kind: "conflict", text: "the blob exists already" },
  InvalidRange: { kind: "range", text: "the range begins beyond the blob's end" },

  AuthorizationPermissionMismatch: denied("the identity or the SAS lacks a permission for this", ROLE),
  InsufficientAccountPermissions: denied("the SAS lacks a permission for this", ROLE),
  UnauthorizedBlobOverwrite: denied("the SAS may create blobs but not overwrite them", "Make the SAS with the permission write (w), too: sp=rcwdl."),
  AuthorizationResourceTypeMismatch: denied("the account SAS isn't for containers and blobs", "Make the account SAS with srt=co, or a SAS for the container."),
  AuthorizationServiceMismatch: denied("the account SAS isn't for the blob service", "Make the account SAS with ss=b, or a SAS for the container."),
  AuthorizationProtocolMismatch: denied("the SAS is for HTTPS alone", "Use an endpoint that begins with https://."),
  AuthorizationSourceIPMismatch: denied("the SAS isn't for this machine's address", "Make the SAS without sip, or with this machine's address as Azure sees it."),
  NetworkSecurityPerimeterDenied: denied("the account's network perimeter doesn't let this machine in", FIREWALL),
  NoAuthenticationInformation: denied("Azure wants a login and got none", "Set one of connection_string, account_key, sas_token or credential."),
  InvalidAuthenticationInfo: denied("Azure doesn't take the login: it is expired or of the wrong form", "Check the credential, and this machine's clock."),
  KeyBasedAuthenticationNotPermitted: denied("the account doesn't allow keys, nor SAS made with them", "Use credential: managed-identity (or default), or a user delegation SAS."),
  PublicAccessNotPermitted: denied("the account doesn't allow anonymous access", "Set one of connection_string, account_key, sas_token or credential."),
  AccountIsDisabled: denied("the storage account is disabled", "Enable it again: see the subscription's state in the portal."),
  BlobImmutableDueToPolicy: denied("an immutability policy protects the blob", WORM),
  BlobImmutableDueToLegalHold: denied("a legal hold protects the blob", "Clear the legal hold, or wait until it is cleared. Retention can't remove the blob before."),
  ContainerImmutableDueToPolicy: denied("an immutability policy protects the container", WORM),
  LeaseIdMissing: denied("somebody holds a lease on the blob", LEASE),
  LeaseIdMismatchWithBlobOperation: denied("somebody holds a lease on the blob", LEASE),
  SnapshotsPresent: denied("the blob has snapshots, and isn't deleted before they are", "Delete the snapshots, and use versioning or soft delete in their place."),
  BlobAccessTierNotSupportedForAccountType: invalid("this kind of account has no such access tier", TIER),
  AccessTierNotSupportedForBlobType: invalid("this kind of blob has no such access tier", TIER),
  BlobArchived: invalid("the blob is in the archive tier, where it can't be read or changed", REHYDRATE),
  BlobBeingRehydrated: invalid("the blob is still being rehydrated from the archive tier", "Wait, up to 15 hours after it was asked for."),

  ContainerNotFound: invalid("the container doesn't exist", CONTAINER),
  ContainerBeingDeleted: invalid("the container is being deleted", "Create it again, which works from some 30 seconds on after the deletion, or use another one."),
  ContainerDisabled: invalid("the container is disabled", "Ask the account's administrator."),
  InvalidResourceName: invalid("Azure doesn't take this name", "Correct container and prefix."),
  InvalidBlobType: invalid("it is a page or append blob, which axon-backup never makes", FOREIGN),
  InvalidBlobOrBlock: invalid("another program left blocks there whose IDs have another length", "Wait a week, until Azure removes them, or delete the blob if it isn't wanted."),
  BlockCountExceedsLimit: invalid("there are too many blocks: unfinished uploads count for a week", "Raise block_size, or wait until Azure removes the blocks."),
  RequestBodyTooLarge: invalid("the request is larger than this service takes", "Lower block_size."),
  RequestEntityTooLarge: invalid("the request is larger than this service takes", "Lower block_size."),
  // Another writer's commit, or a Put Blob, discards the blocks that wait for this one.
  InvalidBlockList: busy("another writer stored this object at the same time"),

  Md5Mismatch: DAMAGED,
  ServerBusy: busy("the service is busy"),
  OperationTimedOut: busy("the service didn't finish in time"),
  InternalError: busy("the service has an internal error"),
  AccountBeingCreated: busy("the account is still being created"),
  AccountQuotaExceeded: QUOTA,
  InsufficientStorage: { kind: "full", text: "there is no space left", remedy: "Make room or move the sink to a larger storage." },
}; // prettier-ignore

const NAME =
  "Check the name of the account, the endpoint and this machine's name resolution; an account that doesn't exist has no name.";
const CA =
  "Set ca to the file with your certificate authority, if a proxy or an emulator has a certificate of its own.";

/** Codes of Node and OpenSSL, of connections that didn't come about or broke. */
export const NETWORK: Readonly<Record<string, Meaning>> = {
  ENOTFOUND: { kind: "transient", text: "the host name is unknown", remedy: NAME },
  EAI_AGAIN: { kind: "transient", text: "name resolution doesn't answer", remedy: NAME },
  ECONNREFUSED: { kind: "transient", text: "nothing takes connections there", remedy: "See whether the endpoint is right, and a firewall or proxy in between." },
  ECONNRESET: { kind: "transient", text: "the connection was reset" },
  EPIPE: { kind: "transient", text: "the connection was closed" },
  ETIMEDOUT: { kind: "transient", text: "the connection timed out", remedy: "See whether a firewall drops the packets; a private endpoint may be needed." },
  EPROTO: invalid("the server doesn't speak TLS", "Correct the endpoint: http:// or https://, and the port."),
  ERR_TLS_CERT_ALTNAME_INVALID: invalid("the server's certificate is for another name", "Use the name in the certificate as endpoint."),
  CERT_HAS_EXPIRED: invalid("the server's certificate has expired", "Renew it, or set this machine's clock if it is wrong."),
  CERT_NOT_YET_VALID: invalid("the server's certificate isn't valid yet", "Set this machine's clock."),
  DEPTH_ZERO_SELF_SIGNED_CERT: invalid("the server's certificate is self-signed", CA),
  SELF_SIGNED_CERT_IN_CHAIN: invalid("the server's certificate is of an unknown authority", CA),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: invalid("the server's certificate is of an unknown authority", CA),
  UNABLE_TO_GET_ISSUER_CERT: invalid("the server's certificate is of an unknown authority", CA),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: invalid("the server's certificate is of an unknown authority", CA),
}; // prettier-ignore

export const FIREWALL_REMEDY = FIREWALL;
