import type { JsonSchema } from "@axon-backup/sink";

/** Bytes of `prefix`: with a key of the greatest length it stays below the 1024 that S3 allows. */
const MAX_PREFIX_BYTES = 200;
const PART = "[A-Za-z0-9_%=@+-][A-Za-z0-9._%=@+-]*";

/** For objects that are replaced every few seconds and read by every run: no class with a least age, a price for reading, or an archive. */
const FREQUENT = { enum: ["STANDARD", "REDUCED_REDUNDANCY", "INTELLIGENT_TIERING", "EXPRESS_ONEZONE"] };
const ANY_CLASS = { type: "string", pattern: "^[A-Z0-9_-]{1,64}$" };

/** The characters that S3 allows in tags. Names that begin with aws: are Amazon's. */
const TAG = "^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]*$";
const TAG_NAME = `^(?![aA][wW][sS]:)${TAG.slice(1)}`;

const encryption: JsonSchema = {
  type: "object",
  additionalProperties: false,
  required: ["type"],
  description: "Encryption by the storage. Without it, that of the bucket's settings.",
  properties: {
    type: {
      enum: ["sse-s3", "sse-kms", "sse-c"],
      description: "sse-s3: keys of S3. sse-kms: a key of the key management service. sse-c: a key of yours.",
    },
    key_id: {
      type: "string",
      minLength: 1,
      description: "sse-kms: ARN, id or alias of the key. Without it, the account's key for S3.",
    },
    context: {
      type: "object",
      additionalProperties: { type: "string" },
      description: "sse-kms: encryption context, as names and values.",
    },
    key: {
      type: "string",
      "x-secret": true,
      description:
        "sse-c: 32 bytes in base64 (openssl rand -base64 32). Without this key the backups can't be read: keep a copy elsewhere.",
    },
  },
  allOf: [
    only("sse-kms", "key_id"),
    only("sse-kms", "context"),
    only("sse-c", "key"),
    { if: { properties: { type: { const: "sse-c" } } }, then: { required: ["key"] } },
  ],
};

/** `property` makes sense with one type of encryption alone. */
function only(type: string, property: string): JsonSchema {
  return { if: { required: [property] }, then: { properties: { type: { const: type } } } };
}

export const optionsSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  additionalProperties: false,
  required: ["bucket"],
  dependentRequired: {
    access_key_id: ["secret_access_key"],
    secret_access_key: ["access_key_id"],
    session_token: ["access_key_id"],
  },
  properties: {
    bucket: {
      type: "string",
      minLength: 3,
      maxLength: 255,
      pattern: "^[A-Za-z0-9._:/-]+$",
      description: "The bucket's name. It must exist.",
    },
    prefix: {
      type: "string",
      maxLength: MAX_PREFIX_BYTES,
      pattern: `^${PART}(/${PART})*/?$`,
      description:
        "What all keys begin with, as axon/production. Nothing else may use it. Without it, the whole bucket.",
    },
    endpoint: {
      type: "string",
      pattern: "^https?://[^/@?#]+/?$",
      description: "URL of a server other than Amazon's, as https://minio.example.com:9000.",
    },
    region: {
      type: "string",
      minLength: 1,
      description:
        "The bucket's region. Without it, that of the environment or of ~/.aws/config; us-east-1 with an endpoint.",
    },
    path_style: {
      type: "boolean",
      description:
        "true: the bucket is in the URL's path, false: in its host name. Default: true with an endpoint, else false.",
    },
    access_key_id: {
      type: "string",
      minLength: 1,
      description:
        "Without it, credentials come from where Amazon's tools find them: environment, ~/.aws, container, instance.",
    },
    secret_access_key: {
      type: "string",
      "x-secret": true,
      description: "Secret that belongs to access_key_id.",
    },
    session_token: {
      type: "string",
      "x-secret": true,
      description: "Session token, for temporary credentials.",
    },
    ca: {
      type: "string",
      pattern: "^/",
      description:
        "File with the certificates (PEM) of a certificate authority of your own, trusted besides the public ones.",
    },
    checksums: {
      enum: ["when-supported", "when-required"],
      default: "when-supported",
      description:
        "when-supported: CRC32 with every upload. when-required: MD5, as every server knows it, for older servers that refuse the other.",
    },
    encryption,
    storage_class: {
      type: "object",
      additionalProperties: false,
      description: "Storage class by kind of object. Without it, the bucket's default (STANDARD).",
      properties: {
        "closed-segment": { ...ANY_CLASS, description: "Segments that don't change any more." },
        index: { ...ANY_CLASS, description: "Index files." },
        "control-db": { ...ANY_CLASS, description: "Backups of the control DB." },
        "replication-log": { ...ANY_CLASS, description: "Replication logs." },
        "open-segment": { ...FREQUENT, description: "Copies of open segments, replaced at every backup." },
        document: { ...FREQUENT, description: "Manifests and the like, read by every run." },
      },
    },
    tags: {
      type: "object",
      maxProperties: 10,
      propertyNames: { type: "string", minLength: 1, maxLength: 128, pattern: TAG_NAME },
      additionalProperties: { type: "string", maxLength: 256, pattern: TAG },
      description: "Tags of every object, as names and values: letters, digits, spaces and + - = . _ : / @.",
    },
    leftovers_after: {
      type: "integer",
      minimum: 1,
      description:
        "Hours after which an unfinished upload counts as one of a dead run, and is removed. Longer than the longest upload takes. Default: 24 with a prefix; without one, none is removed unless this is set: only where nothing else uses the bucket.",
    },
  },
};
