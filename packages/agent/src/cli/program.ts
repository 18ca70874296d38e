import { Command, CommanderError } from "commander";
import { UsageError } from "../errors/usage-error.js";
import { EXIT_CODES, type ExitCode, exitCodesHelp } from "../exit-codes.js";
import { printable } from "../output/printable.js";
import type { Streams } from "../output/streams.js";
import { VERSION } from "../version.js";
import { addCommands } from "./commands.js";
import { once } from "./once.js";
import type { CommandRequest, Execute, GlobalOptions } from "./request.js";

export const DEFAULT_CONFIG = "/etc/axon-backup";

/**
 * What the command line asks for; or, when that was help, or wrong (and said so), the exit code.
 */
export async function parseCommandLine(
  argv: readonly string[],
  streams: Streams,
): Promise<CommandRequest | ExitCode> {
  const wantsJson = argv.includes("--json");
  const fail = (message: string, remedy: string) => {
    const error = { message, causes: [], remedy, exitCode: EXIT_CODES.usage };
    if (wantsJson) streams.stdout.write(`${JSON.stringify({ error }, undefined, 2)}\n`);
    streams.stderr.write(`axon-backup: ${printable(message)}\n  → ${printable(remedy)}\n`);
    return EXIT_CODES.usage;
  };
  try {
    return await parse(argv, streams);
  } catch (error) {
    if (error instanceof UsageError) return fail(error.message, error.remedy);
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT_CODES.ok;
    const [message = "", ...more] = error.message.replace(/^error: /, "").split("\n");
    if (error.code === "commander.help")
      return fail("a command is missing", "`axon-backup --help` shows the commands.");
    return fail(
      message,
      more.join(" ").replace(/^\((.*)\)$/, "$1") || "`axon-backup --help` shows what there is.",
    );
  }
}

async function parse(argv: readonly string[], streams: Streams): Promise<CommandRequest> {
  let chosen: { readonly execute: Execute; readonly needsConfiguration: boolean } | undefined;
  const program = createProgram(streams, (execute, needsConfiguration) => {
    chosen = { execute, needsConfiguration };
  });
  await program.parseAsync(argv, { from: "user" });
  const { config, json, verbose, quiet } = program.opts<{ config: string } & Partial<GlobalOptions>>();
  const globals = { config, json: json === true, verbose: verbose === true, quiet: quiet === true };
  if (chosen === undefined)
    throw new UsageError("a command is missing", "`axon-backup --help` shows the commands.");
  if (globals.quiet && globals.verbose)
    throw new UsageError("--quiet and --verbose contradict each other", "Leave one of them out.");
  if (globals.config === "") throw new UsageError("--config is empty", "Name the configuration's folder.");
  return { globals, ...chosen };
}

/** The program with every command. `choose` learns which one it is. */
export function createProgram(
  streams: Streams,
  choose: (execute: Execute, needsConfiguration: boolean) => void,
): Command {
  const program = new Command("axon-backup")
    .description(
      "Backs up Axon Server: to directories and other storages, verified, restorable to any event.",
    )
    .version(VERSION, "--version", "print the version")
    .helpOption("--help", "show help")
    .helpCommand("help [command]", "show help of a command")
    .option("--config <dir>", "folder of the configuration", once("--config"), DEFAULT_CONFIG)
    .option("--json", "print the result as one JSON document")
    .option("--verbose", "log details")
    .option("--quiet", "log warnings and errors only, show no progress")
    .configureHelp({ showGlobalOptions: true, helpWidth: 100 })
    .configureOutput({
      writeOut: (text) => void streams.stdout.write(text),
      // The caller prints errors, in the same form as all others.
      writeErr: () => undefined,
    })
    .exitOverride()
    .showSuggestionAfterError(true)
    .addHelpText("after", `\nExit codes:\n${exitCodesHelp()}`)
    .addHelpText("after", PROGRAM_EXAMPLES);
  addCommands(program, choose);
  for (const command of program.commands)
    command.copyInheritedSettings(program).helpOption("--help", "show help");
  return program;
}

const PROGRAM_EXAMPLES = `
Examples:
  axon-backup demo                          see the whole story in a temporary folder
  axon-backup check                         is everything there that a backup needs?
  axon-backup backup                        one restore point on every sink
  axon-backup restore --to /var/lib/axon    the newest restore point, into an empty directory`;
