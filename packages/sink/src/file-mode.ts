import { SinkError } from "./errors.js";

/** JSON Schema of an option that is a mode. */
export interface ModeSchema {
  readonly type: "string";
  readonly pattern: string;
  readonly default: string;
  readonly description: string;
}

/** The option `file_mode` of sinks that keep objects as files. */
export const fileModeSchema: ModeSchema = {
  type: "string",
  pattern: "^0?[67][0-7]{2}$",
  default: "0600",
  description:
    'Permissions of files, octal and in quotes ("0640"). The owner must be able to read and write.',
};

/** The option `dir_mode` of sinks that keep objects as files. */
export const dirModeSchema: ModeSchema = {
  type: "string",
  pattern: "^0?7[0-7]{2}$",
  default: "0700",
  description: 'Permissions of directories, octal and in quotes ("0750"). The owner needs all three.',
};

/**
 * The mode that the option `name` means; the schema's default when it isn't given.
 * @throws SinkError `invalid` for what the schema would have refused.
 */
export function parseMode(name: string, text: string | undefined, schema: ModeSchema): number {
  const mode = text ?? schema.default;
  if (!new RegExp(schema.pattern).test(mode))
    throw new SinkError("invalid", `${name} ${JSON.stringify(mode)} is not a usable mode`, {
      remedy: 'Write octal digits in quotes, as "0600"; the owner must keep access.',
    });
  return Number.parseInt(mode, 8);
}
