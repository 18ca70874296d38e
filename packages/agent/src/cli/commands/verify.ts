import type { Command } from "commander";
import { once } from "../once.js";
import { type Choose, examples, SINKS, type SinkFlags } from "./shared.js";

const DEPTHS = `
Depths:
  objects  One listing: every manifest can be read; every object of the restore points is
           there with its size, and with its checksum where the storage knows one.
           What verify does without options.
  data     Every byte is read, and has the hash that was recorded.
  store    What the bytes say by themselves: each transaction's CRC, tokens without a gap
           in all versions of segments, open segments valid up to their end, the control
           DB's zip with the server's database in it. Together with data.

A budget has a part read, on each sink: what never was, then what was read the longest
ago, so that every object has its turn in time. The sink keeps the record. The last object
is read to its end, beyond the budget; so is what was begun before the time was up. What
was found damaged is read again each time, besides.

Exit code 5: damage. The next backup stores again what the server still has.
`;

/** `axon-backup verify`. */
export function addVerify(program: Command, choose: Choose): void {
  program
    .command("verify")
    .summary("check that what is stored is what was written")
    .description(
      "Checks that what is stored is what was written: what is there, every byte with --read-data, or a part of them with a budget.",
    )
    .option(...SINKS)
    .option("--restore-point <id>", "only this one, latest, or head (default: all)", once("--restore-point"))
    .option("--read-data", "read every byte: checksums, CRCs, tokens without a gap")
    .option(
      "--budget <size>",
      "read so much at most, 10GiB or 5% (of what there is); implies --read-data",
      once("--budget"),
    )
    .option("--for <duration>", "begin no further object after 30m, say; implies --read-data", once("--for"))
    .option("--objects", "list when each object was read last (--json always does)")
    .addHelpText(
      "after",
      DEPTHS +
        examples(
          "axon-backup verify",
          "axon-backup verify --read-data",
          "axon-backup verify --budget 5%            every night: all of it in three weeks",
          "axon-backup verify --budget 10GiB --for 2h",
          "axon-backup verify --sink nas --restore-point latest",
        ),
    )
    .action(async (options: VerifyFlags) => {
      const { parseOptional, parseRestorePoint } = await import("../options.js");
      const { parseBudget, parseFor } = await import("../budget.js");
      const restorePoint = parseOptional(parseRestorePoint, options.restorePoint);
      const budget = parseOptional(parseBudget, options.budget);
      const within = parseOptional(parseFor, options.for);
      const readData = options.readData === true || budget !== undefined || within !== undefined;
      choose(async (container) => {
        const { VerifyCommand } = await import("../../commands/verify.js");
        return container
          .resolve(VerifyCommand)
          .run({
            sinks: options.sink ?? [],
            restorePoint,
            readData,
            ...(budget && { budget }),
            within,
            listObjects: options.objects === true,
          });
      }, true);
    });
}

interface VerifyFlags extends SinkFlags {
  readonly restorePoint?: string;
  readonly readData?: boolean;
  readonly budget?: string;
  readonly for?: string;
  readonly objects?: boolean;
}
