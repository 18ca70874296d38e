import type { Option } from "commander";
import { type Command, type Help } from "commander";
import { createProgram } from "./program.js";
import { VERSION } from "../version.js";

/** The command line as data: what completions and the manual are made of. */
export interface ProgramModel {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** Those that every command has, too. */
  readonly options: readonly OptionModel[];
  readonly commands: readonly CommandModel[];
  /** What stands behind the options in the help, as paragraphs. */
  readonly more: readonly string[];
}

export interface CommandModel {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly ArgumentModel[];
  /** Without those that every command has. */
  readonly options: readonly OptionModel[];
  readonly more: readonly string[];
}

export interface OptionModel {
  /** As `--sink`. */
  readonly long: string;
  /** What stands for the value, as `<name>`; undefined when it takes none. */
  readonly value: string | undefined;
  readonly description: string;
  readonly values: Values;
}

export interface ArgumentModel {
  readonly name: string;
  readonly required: boolean;
  readonly description: string;
  readonly values: Values;
}

/** What a value can be, as far as it can be told before. */
export type Values =
  | { readonly kind: "any" | "file" | "directory" | "sink" | "channel" | "command" }
  | { readonly kind: "one"; readonly of: readonly string[] };

const ANY: Values = { kind: "any" };

/** What values are, by the names that stand for them. */
const VALUES: Readonly<Record<string, Values>> = {
  "<dir>": { kind: "directory" },
  "<file>": { kind: "file" },
  "--sink <name>": { kind: "sink" },
  "--channel <name>": { kind: "channel" },
  "init <place>": { kind: "one", of: ["local:", "s3:", "azure:", "sftp:"] },
  "schema file": { kind: "one", of: ["agent", "sink"] },
  "schema type": { kind: "one", of: ["azure", "local", "s3", "sftp"] },
  "completion shell": { kind: "one", of: ["bash", "zsh", "fish"] },
  "help command": { kind: "command" },
  "--restore-point <id>": { kind: "one", of: ["latest", "head"] },
  "show id": { kind: "one", of: ["latest", "head"] },
};

/** The program with all that its help says. */
export function describeProgram(): ProgramModel {
  let written = "";
  const stream = { write: (text: string) => (written += text) };
  const program = createProgram({ stdout: stream, stderr: stream, env: {} }, () => undefined);
  const help = program.createHelp();
  const more = (command: Command): readonly string[] => {
    written = "";
    command.outputHelp();
    const whole = written;
    // What was added to it stands behind.
    return whole
      .slice(command.helpInformation().length)
      .trim()
      .split(/\n\n+/)
      .filter((text) => text !== "");
  };
  return {
    name: program.name(),
    version: VERSION,
    description: program.description(),
    options: help.visibleOptions(program).map((option) => describeOption(option, "")),
    commands: help.visibleCommands(program).map((command) => describeCommand(command, help, more)),
    more: more(program),
  };
}

function describeCommand(
  command: Command,
  help: Help,
  more: (command: Command) => readonly string[],
): CommandModel {
  const name = command.name();
  return {
    name,
    summary: command.summary() || command.description(),
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      required: argument.required,
      description: argument.description,
      values: VALUES[`${name} ${argument.name()}`] ?? ANY,
    })),
    options: help
      .visibleOptions(command)
      .filter(({ long }) => long !== "--help")
      .map((option) => describeOption(option, name)),
    more: name === "help" ? [] : more(command),
  };
}

function describeOption(option: Option, command: string): OptionModel {
  const long = option.long ?? option.flags;
  const value = /[<[].*$/.exec(option.flags)?.[0];
  const found =
    value === undefined
      ? undefined
      : (VALUES[`${command} ${value}`] ?? VALUES[`${long} ${value}`] ?? VALUES[value]);
  const standard: unknown = option.defaultValue;
  return {
    long,
    value,
    description: `${option.description}${typeof standard === "string" ? ` (default: ${standard})` : ""}`,
    values: found ?? ANY,
  };
}
