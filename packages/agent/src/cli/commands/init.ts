import type { Command } from "commander";
import { UsageError } from "../../errors/usage-error.js";
import type { InitFlags } from "../../init/request.js";
import { once } from "../once.js";
import { type Choose, collect, examples } from "./shared.js";

/** `axon-backup init`. */
export function addInit(program: Command, choose: Choose): void {
  const command = program
    .command("init")
    .summary("write a configuration for the server that is there")
    .description(
      "Asks Axon Server what it is and where its files are, and writes agent.yaml and a file for each sink, with every key explained, into the folder of --config. A file that is there already is never touched. On a terminal it asks for what isn't given; elsewhere, options alone say it. Secrets are never asked for: the files hold references to where they are.",
    )
    .option("--server <url>", "Axon Server's HTTP address (default: http://localhost:8024)", once("--server"))
    .option(
      "--token-file <file>",
      "file that holds the access token, if the server wants one",
      once("--token-file"),
    )
    .option("--ca <file>", "certificates (PEM) of the authorities to trust, for https", once("--ca"))
    .option(
      "--sink <place>",
      "where to keep backups: local:/mnt/nas/axon, s3:BUCKET/PREFIX, azure:ACCOUNT/CONTAINER/PREFIX, sftp:USER@HOST:PORT/PATH; with a name, as nas=local:/mnt/nas/axon; may be given several times",
      collect,
    )
    .option("--contexts <names>", "contexts to back up, as default,orders (default: all)", once("--contexts"))
    .option(
      "--storage <dir>",
      "directory of the server's files on this machine, if it isn't to be found out; may be given several times",
      collect,
    )
    .option(
      "--control-db <dir>",
      "directory of the server's control DB backups on this machine; may be given several times",
      collect,
    )
    .option(
      "--path <server=local>",
      "where this machine has a directory of the server's, as /axonserver/data=/mnt/axonserver/data; may be given several times",
      collect,
    )
    .option("--yes", "ask nothing: take the default of what isn't given")
    .option("--check", "run `axon-backup check` afterwards")
    .option("--no-check", "don't offer to")
    .addHelpText(
      "after",
      examples(
        "axon-backup init",
        "axon-backup init --server http://axon:8024 --sink local:/mnt/nas/axon --sink s3:backups/axon --yes",
        "axon-backup init --sink offsite=sftp:backup@nas.example.com/srv/axon     one more sink, later",
      ),
    )
    .action(async (options: InitFlags, self: Command) => {
      const { toInitRequest } = await import("../../init/request.js");
      const request = toInitRequest(options, self.optsWithGlobals()["json"] === true);
      choose(async (container) => {
        const { InitCommand } = await import("../../commands/init.js");
        const { code, check } = await container.resolve(InitCommand).run(request);
        if (!check) return code;
        const { COMPOSE } = await import("../../composition/tokens.js");
        const { CheckCommand } = await import("../../commands/check.js");
        return (await container.resolve(COMPOSE)()).resolve(CheckCommand).run();
      }, false);
    });
  notBoth(command, "check", "no-check");
}

/** Of two options that say the contrary, the last one would win. */
function notBoth(command: Command, one: string, other: string): void {
  const given = new Set<string>();
  for (const name of [one, other])
    command.on(`option:${name}`, () => {
      given.add(name);
      if (given.size > 1)
        throw new UsageError(`--${one} and --${other} contradict each other`, "Leave one of them out.");
    });
}
