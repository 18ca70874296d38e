import { type ObjectKind, type Secret, SinkError } from "@axon-backup/sink";

/** Encryption by the storage. */
export type Encryption =
  | { readonly type: "sse-s3" }
  | {
      readonly type: "sse-kms";
      readonly key_id?: string;
      readonly context?: Readonly<Record<string, string>>;
    }
  | { readonly type: "sse-c"; readonly key: Secret };

/** What the operator writes in the sink's YAML file beside `type: s3`. `schema.ts` says what each means. */
export interface S3Options {
  readonly bucket: string;
  readonly prefix?: string;
  readonly endpoint?: string;
  readonly region?: string;
  readonly path_style?: boolean;
  readonly access_key_id?: string;
  readonly secret_access_key?: Secret;
  readonly session_token?: Secret;
  readonly ca?: string;
  readonly checksums?: "when-supported" | "when-required";
  readonly encryption?: Encryption;
  readonly storage_class?: Readonly<Partial<Record<ObjectKind, string>>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly leftovers_after?: number;
}

/** The options as the sink uses them. */
export interface Settings {
  readonly bucket: string;
  /** "" or ending in "/". */
  readonly prefix: string;
  readonly endpoint: URL | undefined;
  readonly region: string | undefined;
  readonly pathStyle: boolean;
  readonly credentials:
    { readonly id: string; readonly secret: Secret; readonly token: Secret | undefined } | undefined;
  /** File with certificates. */
  readonly ca: string | undefined;
  readonly checksums: "when-supported" | "when-required";
  readonly encryption: Encryption | undefined;
  readonly storageClass: Readonly<Partial<Record<ObjectKind, string>>>;
  /** As a query string, "" for none. */
  readonly tagging: string;
  /** Milliseconds after which an unfinished upload is one of a dead run; undefined where unfinished uploads may be somebody else's. */
  readonly leftoversAfter: number | undefined;
}

/** Longer than any upload takes. */
const LEFTOVERS_HOURS = 24;

const LOOPBACK = /^(localhost|127\.[0-9.]+|\[::1\])$/;

/**
 * Options as settings, with defaults.
 * @throws SinkError `invalid` for what no schema can tell.
 */
export function settings(options: S3Options): Settings {
  const endpoint = options.endpoint === undefined ? undefined : new URL(options.endpoint);
  const { access_key_id: id, secret_access_key: secret, encryption } = options;
  if ((id === undefined) !== (secret === undefined))
    throw new SinkError("invalid", "access_key_id and secret_access_key belong together", {
      remedy: "Write both, or none to use the credentials of the environment.",
    });
  if (encryption?.type === "sse-c") checkKey(encryption.key, endpoint);
  const prefix = options.prefix ?? "";
  // S3 doesn't tell who began an upload. A bucket without a prefix may be shared, unless its operator says otherwise.
  const hours = options.leftovers_after ?? (prefix === "" ? undefined : LEFTOVERS_HOURS);
  return {
    bucket: options.bucket,
    prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`,
    endpoint,
    region: options.region ?? (endpoint === undefined ? undefined : "us-east-1"),
    pathStyle: options.path_style ?? endpoint !== undefined,
    credentials:
      id === undefined || secret === undefined ? undefined : { id, secret, token: options.session_token },
    ca: options.ca,
    checksums: options.checksums ?? "when-supported",
    encryption,
    storageClass: options.storage_class ?? {},
    tagging: new URLSearchParams(Object.entries(options.tags ?? {})).toString(),
    leftoversAfter: hours === undefined ? undefined : hours * 3_600_000,
  };
}

function checkKey(key: Secret, endpoint: URL | undefined): void {
  const text = key.reveal();
  const bytes = Buffer.from(text, "base64");
  if (bytes.byteLength !== 32 || bytes.toString("base64") !== text)
    throw new SinkError("invalid", "encryption.key is not 32 bytes in base64", {
      remedy: "Make one with: openssl rand -base64 32",
    });
  if (endpoint?.protocol === "http:" && !LOOPBACK.test(endpoint.hostname))
    throw new SinkError("invalid", "sse-c would send its key unencrypted to an http endpoint", {
      remedy: "Use an https endpoint.",
    });
}
