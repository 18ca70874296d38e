import { dirModeSchema, fileModeSchema, type JsonSchema, parseMode, SinkError } from "@axon-backup/sink";

/** What the operator writes in the sink's YAML file beside `type: local`. */
export interface LocalOptions {
  /** Directory of the sink, absolute. */
  readonly path: string;
  /** Mode of files, octal as text. Default "0600". */
  readonly file_mode?: string;
  /** Mode of directories, octal as text. Default "0700". */
  readonly dir_mode?: string;
  /** Bytes of the file system that are left free. Default 0. */
  readonly min_free?: number;
  /** Whether `path` must be on another file system than `/`. Default false. */
  readonly mounted?: boolean;
}

/** The options as the sink uses them. */
export interface Settings {
  readonly path: string;
  readonly fileMode: number;
  readonly dirMode: number;
  readonly minFree: number;
  readonly mounted: boolean;
}

export const optionsSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  additionalProperties: false,
  required: ["path"],
  properties: {
    path: {
      type: "string",
      pattern: "^/",
      description:
        "Directory that keeps the backups, as an absolute path. It is created if its parent directory exists.",
    },
    file_mode: fileModeSchema,
    dir_mode: dirModeSchema,
    mounted: {
      type: "boolean",
      default: false,
      description:
        "Whether path must be on a file system that is mounted, another one than that of /: while it isn't mounted, nothing is written in its place.",
    },
    min_free: {
      type: "integer",
      minimum: 0,
      default: 0,
      description:
        "Bytes of the file system that are always left free: what would need them fails as if the disk were full.",
    },
  },
};

/**
 * Options as settings, with defaults.
 * @throws SinkError `invalid` for what the schema would have refused.
 */
export function settings(options: LocalOptions): Settings {
  if (!options.path.startsWith("/"))
    throw new SinkError("invalid", `path ${JSON.stringify(options.path)} is not absolute`, {
      remedy: "Write the whole path, from / on.",
    });
  const minFree = options.min_free ?? 0;
  if (!Number.isSafeInteger(minFree) || minFree < 0)
    throw new SinkError("invalid", `min_free ${minFree} is not a number of bytes`);
  return {
    path: options.path,
    fileMode: parseMode("file_mode", options.file_mode, fileModeSchema),
    dirMode: parseMode("dir_mode", options.dir_mode, dirModeSchema),
    minFree,
    mounted: options.mounted ?? false,
  };
}
