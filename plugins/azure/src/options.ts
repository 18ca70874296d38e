import type { JsonSchema, ObjectKind, Secret } from "@axon-backup/sink";

/** What the operator writes in the sink's YAML file beside `type: azure`. */
export interface AzureOptions {
  readonly container: string;
  readonly prefix?: string;
  readonly connection_string?: Secret;
  readonly account?: string;
  readonly account_key?: Secret;
  readonly sas_token?: Secret;
  readonly credential?: "managed-identity" | "default";
  readonly client_id?: string;
  readonly endpoint?: string;
  readonly ca?: string;
  readonly tier?: Tiers;
  /** Bytes. */
  readonly block_size?: number;
}

export type Tier = "hot" | "cool" | "cold" | "archive";
export type Tiers = Readonly<Partial<Record<ObjectKind, Tier>>>;

const KiB = 1024;
const MiB = 1024 * KiB;

const ONLINE: readonly Tier[] = ["hot", "cool", "cold"];
const ARCHIVE =
  "With archive, nothing can be restored or verified before the blobs are rehydrated, which takes hours and costs extra.";

function tier(which: string, tiers: readonly Tier[], warning: string): JsonSchema {
  return { type: "string", enum: tiers, description: `Access tier of ${which}. ${warning}` };
}

const TIERS: Readonly<Record<ObjectKind, JsonSchema>> = {
  "closed-segment": tier("closed segments: written once, most of the bytes", [...ONLINE, "archive"], ARCHIVE),
  "open-segment": tier(
    "the copies of open segments",
    ONLINE,
    "They are replaced at every backup: cool and cold charge an early deletion fee each time (30 and 90 days of storage). Leave it at hot.",
  ),
  index: tier("index files, which a restore can do without", [...ONLINE, "archive"], ARCHIVE),
  "control-db": tier(
    "copies of the control DB",
    [...ONLINE, "archive"],
    `Retention removes them with their restore point, before 30 (cool), 90 (cold) or 180 (archive) days for a fee. ${ARCHIVE}`,
  ),
  "replication-log": tier(
    "copies of replication logs",
    [...ONLINE, "archive"],
    `Retention removes them with their restore point, before 30 (cool), 90 (cold) or 180 (archive) days for a fee. ${ARCHIVE}`,
  ),
  document: tier(
    "manifests and other small documents",
    ONLINE,
    "Every run reads them, and some are replaced often: leave it at hot.",
  ),
};

/** Account names: https://learn.microsoft.com/azure/storage/common/storage-account-overview, section on names. */
const ACCOUNT = "^[a-z0-9]{3,24}$";
const CONTAINER = "^[a-z0-9](-?[a-z0-9]){2,62}$";
const PREFIX = "^[A-Za-z0-9_%=@+-][A-Za-z0-9._%=@+-]*(/[A-Za-z0-9_%=@+-][A-Za-z0-9._%=@+-]*)*/?$";

export const optionsSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  additionalProperties: false,
  required: ["container"],
  properties: {
    container: {
      type: "string",
      pattern: CONTAINER,
      maxLength: 63,
      description: "The container that keeps the backups. It must exist.",
    },
    prefix: {
      type: "string",
      pattern: PREFIX,
      maxLength: 200,
      description: "What all blob names begin with, as axon/production. By default nothing.",
    },
    account: {
      type: "string",
      pattern: ACCOUNT,
      description: "Name of the storage account. Not with connection_string, which has it.",
    },
    connection_string: {
      type: "string",
      "x-secret": true,
      description: "The account's connection string, with an account key or a SAS.",
    },
    account_key: {
      type: "string",
      "x-secret": true,
      description: "Key of the account. It allows everything in the account: prefer the other ways.",
    },
    sas_token: {
      type: "string",
      "x-secret": true,
      description:
        "Shared access signature for the container with the permissions read, create, write, delete, list.",
    },
    credential: {
      type: "string",
      enum: ["managed-identity", "default"],
      description:
        "managed-identity: the identity of this virtual machine, pod or app. default: whatever the Azure SDK's chain finds: environment variables, workload identity, managed identity, Azure CLI.",
    },
    client_id: {
      type: "string",
      minLength: 1,
      description: "Client ID of a user-assigned managed identity. By default the system-assigned one.",
    },
    endpoint: {
      type: "string",
      pattern: "^https?://[^?#]+$",
      description:
        "URL of the blob service, if not https://ACCOUNT.blob.core.windows.net: sovereign clouds, private endpoints, Azurite.",
    },
    ca: {
      type: "string",
      pattern: "^/",
      description:
        "PEM file with certificates that are trusted in place of the system's, as an absolute path.",
    },
    tier: {
      type: "object",
      additionalProperties: false,
      properties: TIERS,
      description: "Access tier by kind of object. By default the account's (hot, usually).",
    },
    block_size: {
      type: "integer",
      minimum: 64 * KiB,
      maximum: 100 * MiB,
      description:
        "Bytes of a block of large objects. By default 4 MiB. Made larger where an object would need more than 50,000 blocks. Some blocks at a time are in memory.",
    },
  },
};
