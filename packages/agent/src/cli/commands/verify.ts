import type { Command } from "commander";
import { once } from "../once.js";
import { type Choose, examples, SINKS, type SinkFlags } from "./shared.js";

/** `axon-backup verify`. */
export function addVerify(program: Command, choose: Choose): void {
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
      const { parseOptional, parseRestorePoint } = await import("../options.js");
      const restorePoint = parseOptional(parseRestorePoint, options.restorePoint);
      choose(async (container) => {
        const { VerifyCommand } = await import("../../commands/verify.js");
        return container
          .resolve(VerifyCommand)
          .run({ sinks: options.sink ?? [], restorePoint, readData: options.readData === true });
      }, true);
    });
}

interface VerifyFlags extends SinkFlags {
  readonly restorePoint?: string;
  readonly readData?: boolean;
}
