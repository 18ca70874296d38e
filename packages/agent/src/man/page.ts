import type { ArgumentModel, CommandModel, OptionModel, ProgramModel } from "../cli/describe.js";
import { EXIT_CODES, EXIT_MEANINGS, type ExitName } from "../exit-codes.js";

/** The manual page axon-backup(1), in roff: what `--help` says of the program and each command, in one page. */
export function manPage(program: ProgramModel): string {
  const { name, version, description, options, commands } = program;
  const lines = [
    `.\\" Made from the same source as axon-backup --help.`,
    `.TH ${name.toUpperCase()} 1 "" "${name} ${version}" "User Commands"`,
    // Paths and options stay in one piece, to be copied.
    ".nh",
    ".ad l",
    ".SH NAME",
    `${text(name)} \\- ${text("backup agent for Axon Server")}`,
    ".SH SYNOPSIS",
    `.B ${text(name)}`,
    "[\\fIoption\\fR]... \\fIcommand\\fR [\\fIargument\\fR]...",
    ".SH DESCRIPTION",
    text(description),
    ".PP",
    text(
      "What each command does is told below; every one has --help, too. Results go to standard output, progress and logs to standard error.",
    ),
    ".SH OPTIONS",
    "Every command has these, and they may stand before or behind its name.",
    ...options.flatMap(option),
    ".SH COMMANDS",
    ...commands.flatMap((command) => describe(name, command)),
    ".SH EXIT STATUS",
    ...(Object.keys(EXIT_CODES) as ExitName[]).flatMap((code) => [
      ".TP",
      `.B ${EXIT_CODES[code]}`,
      text(EXIT_MEANINGS[code]),
    ]),
    ".SH FILES",
    ...file(
      "/etc/axon-backup/agent.yaml",
      "The server and the defaults for all sinks. --config names another folder.",
    ),
    ...file(
      "/etc/axon-backup/sinks.d/NAME.yaml",
      "A sink, with its type, its place, and how long restore points are kept.",
    ),
    ".PP",
    text(
      "`axon-backup init` writes both, with every key explained; `axon-backup schema` prints their JSON Schemas.",
    ),
    ".SH SEE ALSO",
    text("The documentation in the folder docs of https://github.com/axon-backup/axon-backup"),
  ];
  return `${lines.join("\n")}\n`;
}

function describe(
  program: string,
  { name, arguments: given, description, options, more }: CommandModel,
): readonly string[] {
  const usage = [...given.map(argument), ...(options.length > 0 ? ["[\\fIoption\\fR]..."] : [])].join(" ");
  return [
    ".SS",
    `\\fB${text(`${program} ${name}`)}\\fR ${usage}`.trimEnd(),
    text(description),
    ...given.flatMap((each) => [".TP", `\\fI${text(each.name)}\\fR`, text(each.description)]),
    ...options.flatMap(option),
    ...more.flatMap(paragraph),
  ];
}

function argument({ name, required }: ArgumentModel): string {
  return required ? `\\fI${text(name)}\\fR` : `[\\fI${text(name)}\\fR]`;
}

function option({ long, value, description }: OptionModel): readonly string[] {
  const shown = value === undefined ? "" : ` \\fI${text(value.replace(/^[<[](.*)[>\]]$/, "$1"))}\\fR`;
  return [".TP", `\\fB${text(long)}\\fR${shown}`, text(description)];
}

/** A paragraph of the help's end: its heading, and lines as they are. */
function paragraph(block: string): readonly string[] {
  const [heading = "", ...rest] = block.split("\n");
  if (/^Exit codes:$/.test(heading)) return [];
  return [
    ".PP",
    text(heading),
    ".PP",
    ".nf",
    ".RS 4",
    ...rest.map((line) => text(line.replace(/^ {2}/, ""))),
    ".RE",
    ".fi",
  ];
}

function file(path: string, what: string): readonly string[] {
  return [".TP", `.I ${text(path)}`, text(what)];
}

/** Text that roff shows as it is: no line of it is a request, - is one that can be copied, and what isn't ASCII has a name. */
function text(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/gm, "\\&")
    .replace(
      /[^\x20-\x7e\n]/gu,
      (char) => `\\[u${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`,
    );
}
