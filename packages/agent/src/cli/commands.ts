import type { Command } from "commander";
import { UsageError } from "../errors/usage-error.js";
import { once } from "./once.js";
import type { Execute } from "./request.js";

type Choose = (execute: Execute, needsConfiguration: boolean) => void;

/** Collects an option that may be given several times. */
const collect = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

const examples = (...lines: readonly string[]) =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;

const SINKS = ["--sink <name>", "only this sink; may be given several times", collect] as const;

/** Adds every command. What a command does is loaded when it is chosen. */
export function addCommands(program: Command, choose: Choose): void {
  addDemo(program, choose);
  addCheck(program, choose);
  addBackup(program, choose);
  addList(program, choose);
  addShow(program, choose);
  addVerify(program, choose);
  addRestore(program, choose);
  addSchema(program, choose);
}

function addDemo(program: Command, choose: Choose): void {
  program
    .command("demo")
    .summary("the whole story in a temporary folder: backup, damage, verify, restore, compare")
    .description(
      "Shows everything in a temporary folder, with a sample store and a server that behaves like Axon Server. Needs no configuration.",
    )
    .option("--keep", "keep the folder")
    .addHelpText("after", examples("axon-backup demo", "axon-backup demo --keep"))
    .action((options: { keep?: boolean }) => {
      choose(async (container) => {
        const { DemoCommand } = await import("../commands/demo.js");
        const { GLOBALS } = await import("../composition/tokens.js");
        return container
          .resolve(DemoCommand)
          .run({ keep: options.keep === true, json: container.resolve(GLOBALS).json });
      }, false);
    });
}

function addCheck(program: Command, choose: Choose): void {
  program
    .command("check")
    .summary("every precondition of a backup, each with its remedy")
    .description(
      "Checks configuration, server, token, the files of every context, and each sink's promises on the real storage. What it writes to a sink, some 200 small objects below check-…, it removes. Storage that keeps the versions of objects keeps these, too (some MB), until a lifecycle rule for noncurrent versions removes them or, with object lock, their retention has ended.",
    )
    .addHelpText("after", examples("axon-backup check", "axon-backup check --json --config ./config"))
    .action(() => {
      choose(async (container) => {
        const { CheckCommand } = await import("../commands/check.js");
        return container.resolve(CheckCommand).run();
      }, true);
    });
}

function addBackup(program: Command, choose: Choose): void {
  program
    .command("backup")
    .summary("make one restore point on every sink")
    .description(
      "Backs the server up. On each sink, only what is new since its newest restore point is sent.",
    )
    .option(...SINKS)
    .addHelpText(
      "after",
      examples(
        "axon-backup backup",
        "axon-backup backup --sink nas --sink offsite",
        "axon-backup backup --json | jq .sinks",
      ),
    )
    .action((options: SinkFlags) => {
      choose(async (container) => {
        const { BackupCommand } = await import("../commands/backup.js");
        return container.resolve(BackupCommand).run({ sinks: options.sink ?? [] });
      }, true);
    });
}

function addList(program: Command, choose: Choose): void {
  program
    .command("list")
    .summary("list the restore points")
    .description("Lists the restore points of every sink, oldest first.")
    .option(...SINKS)
    .addHelpText("after", examples("axon-backup list", "axon-backup list --sink nas --json"))
    .action((options: SinkFlags) => {
      choose(async (container) => {
        const { ListCommand } = await import("../commands/list.js");
        return container.resolve(ListCommand).run({ sinks: options.sink ?? [] });
      }, true);
    });
}

function addShow(program: Command, choose: Choose): void {
  program
    .command("show")
    .summary("show one restore point in detail")
    .description("Shows a restore point on every sink that has it.")
    .argument("<id>", "the restore point, or latest")
    .option(...SINKS)
    .addHelpText(
      "after",
      examples("axon-backup show latest", "axon-backup show 20261124T055901.123Z --sink nas"),
    )
    .action(async (id: string, options: SinkFlags) => {
      const restorePoint = (await import("./options.js")).parseRestorePoint(id);
      choose(async (container) => {
        const { ShowCommand } = await import("../commands/show.js");
        return container.resolve(ShowCommand).run({ restorePoint, sinks: options.sink ?? [] });
      }, true);
    });
}

function addVerify(program: Command, choose: Choose): void {
  program
    .command("verify")
    .summary("check that what is stored is what was written")
    .description(
      "Checks that every object of the restore points is there with its size, and with its checksum where the storage knows one; --read-data reads every byte. The next backup repairs what it can.",
    )
    .option(...SINKS)
    .option("--restore-point <id>", "only this one, or latest (default: all)", once("--restore-point"))
    .option("--read-data", "read every byte: checksums, CRCs, tokens without a gap")
    .addHelpText(
      "after",
      examples(
        "axon-backup verify",
        "axon-backup verify --read-data",
        "axon-backup verify --sink nas --restore-point latest",
      ),
    )
    .action(async (options: VerifyFlags) => {
      const { parseOptional, parseRestorePoint } = await import("./options.js");
      const restorePoint = parseOptional(parseRestorePoint, options.restorePoint);
      choose(async (container) => {
        const { VerifyCommand } = await import("../commands/verify.js");
        return container
          .resolve(VerifyCommand)
          .run({ sinks: options.sink ?? [], restorePoint, readData: options.readData === true });
      }, true);
    });
}

interface SinkFlags {
  readonly sink?: readonly string[];
}

interface VerifyFlags extends SinkFlags {
  readonly restorePoint?: string;
  readonly readData?: boolean;
}

function addRestore(program: Command, choose: Choose): void {
  program
    .command("restore")
    .summary("bring a store back, into an empty directory")
    .description(
      "Restores a restore point into an empty or new directory that Axon Server can start from. With --token, events after that token are left out.",
    )
    .requiredOption("--to <dir>", "the directory: empty, or not there yet", once("--to"))
    .option("--sink <name>", "the sink to restore from (default: the only one)", once("--sink"))
    .option("--restore-point <id>", "the restore point (default: latest)", once("--restore-point"))
    .option("--token <n>", "the last event to restore, by its token", once("--token"))
    .option("--context <name>", "restore this context only", once("--context"))
    .addHelpText(
      "after",
      examples(
        "axon-backup restore --to /var/lib/axonserver",
        "axon-backup restore --sink nas --to ./restored --restore-point 20261124T055901.123Z",
        "axon-backup restore --to ./restored --context default --token 40000",
      ),
    )
    .action(async (options: RestoreFlags) => {
      const { parseOptional, parseRestorePoint, parseToken } = await import("./options.js");
      const restorePoint = parseOptional(parseRestorePoint, options.restorePoint);
      const token = parseOptional(parseToken, options.token);
      if (options.to === "") throw new UsageError("--to is empty", "Name the directory to restore to.");
      choose(async (container) => {
        const { RestoreCommand } = await import("../commands/restore.js");
        return container
          .resolve(RestoreCommand)
          .run({ to: options.to, sink: options.sink, context: options.context, restorePoint, token });
      }, true);
    });
}

interface RestoreFlags {
  readonly to: string;
  readonly sink?: string;
  readonly restorePoint?: string;
  readonly token?: string;
  readonly context?: string;
}

function addSchema(program: Command, choose: Choose): void {
  program
    .command("schema")
    .summary("the JSON Schema of a configuration file, for editors")
    .description(
      "Prints the JSON Schema of agent.yaml, or of a sink's file by its type, plugins of your own included. An editor with a YAML language server uses it to complete and check: # yaml-language-server: $schema=agent.schema.json",
    )
    .argument("<file>", "agent or sink")
    .argument("[type]", "the sink's type: local, a package, a path")
    .addHelpText(
      "after",
      examples(
        "axon-backup schema agent",
        "axon-backup schema sink local",
        "axon-backup schema sink axon-backup-sink-webdav --config ./config",
      ),
    )
    .action(async (file: string, type: string | undefined) => {
      const request = (await import("./options.js")).parseSchemaRequest(file, type);
      choose(async (container) => {
        const { SchemaCommand } = await import("../commands/schema.js");
        return container.resolve(SchemaCommand).run(request);
      }, false);
    });
}
