import { type JsonSchema, SinkError } from "@axon-backup/sink";

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
}

/** The options as the sink uses them. */
export interface Settings {
  readonly path: string;
  readonly fileMode: number;
  readonly dirMode: number;
  readonly minFree: number;
}

const FILE_MODE = "^0?[67][0-7]{2}$";
const DIR_MODE = "^0?7[0-7]{2}$";

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
    file_mode: {
      type: "string",
      pattern: FILE_MODE,
      default: "0600",
      description:
        'Permissions of files, octal and in quotes ("0640"). The owner must be able to read and write.',
    },
    dir_mode: {
      type: "string",
      pattern: DIR_MODE,
      default: "0700",
      description: 'Permissions of directories, octal and in quotes ("0750"). The owner needs all three.',
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
    fileMode: mode("file_mode", options.file_mode ?? "0600", FILE_MODE),
    dirMode: mode("dir_mode", options.dir_mode ?? "0700", DIR_MODE),
    minFree,
  };
}

function mode(name: string, text: string, pattern: string): number {
  if (!new RegExp(pattern).test(text))
    throw new SinkError("invalid", `${name} ${JSON.stringify(text)} is not a usable mode`, {
      remedy: 'Write octal digits in quotes, as "0600"; the owner must keep access.',
    });
  return Number.parseInt(text, 8);
}
