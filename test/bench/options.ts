import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ContinuousOptions } from "./continuous/model.js";

export const PARTS = ["full", "incremental", "verify", "memory", "startup"] as const;
export type Part = (typeof PARTS)[number];

/** What `npm run bench -- STORAGE` measures. */
export const STORAGES = ["local", "s3", "azure", "sftp"] as const;
export type StorageType = (typeof STORAGES)[number];
export const STORAGE_PARTS = ["large", "small", "extend", "tiny", "tiny-restore"] as const;
/** Takes long, with some storages' servers minutes a round: measured when it is named. */
const SELDOM: readonly string[] = ["tiny", "tiny-restore"];
export type StoragePart = (typeof STORAGE_PARTS)[number];

interface Common {
  readonly rounds: number;
  readonly json: boolean;
  /** The temporary folder is made in here. */
  readonly directory: string;
}

/** Without a storage, what is measured is the engine, on a local disk. */
export type BenchOptions = Common &
  (
    | { readonly storage: undefined; readonly parts: readonly Part[] }
    | { readonly storage: StorageType; readonly parts: readonly StoragePart[] }
  );

/** What is measured. */
export type Measurement =
  | { readonly kind: "commands"; readonly options: BenchOptions }
  | { readonly kind: "continuous"; readonly options: ContinuousOptions };

export const USAGE = `Usage: npm run bench -- [STORAGE|continuous] [options]

Measures axon-backup as whole processes, in turn with other tools on the same files. Needs Linux, and about 5 GiB on the disk.

Without STORAGE: the engine, beside rclone and cp. With STORAGE (${STORAGES.join(", ")}): backup and restore of 8 × 32 MiB and of
2,000 × 16 KiB on a real server of that kind, started here, beside rclone, restic, scp (sftp) and cp (local), with the requests that each of
them makes, and what an extended object sends.

With continuous: \`axon-backup run\` on all four at once, under transactions of 1 KiB: how long each takes to be restorable, what is sent, processor time, memory.

  --seconds N     with continuous: how long (default 300)
  --rate N        with continuous: transactions a second (default 100)
  --segment MIB   with continuous: the length of the server's segments (default 10: full three times in five minutes)
  --rounds N      rounds of each comparison, 1 or more (default 5)
  --only PART     ${PARTS.join(", ")};
                  with STORAGE ${STORAGE_PARTS.join(", ")}; may be given several times (default: all but tiny,
                  which is 10,000 segments of 1 KiB, and tiny-restore, restores alone of one backup of them: these take long)
  --dir DIR       make the temporary folders in DIR: the file system to measure (default: the system's)
  --json          print the result as JSON
`;

/** @throws Error for what can't be understood; undefined for --help */
export function parseOptions(args: readonly string[]): Measurement | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "300" },
      rate: { type: "string", default: "100" },
      segment: { type: "string", default: "10" },
      only: { type: "string", multiple: true, default: [] },
      dir: { type: "string", default: tmpdir() },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const common: Common = {
    rounds: wholeNumber("--rounds", values.rounds),
    json: values.json,
    directory: resolve(values.dir),
  };
  const [name, ...more] = positionals;
  if (more.length > 0) throw new Error(`one storage at a time, not ${positionals.join(" ")}`);
  if (name === "continuous") {
    const [seconds, rate] = [wholeNumber("--seconds", values.seconds), wholeNumber("--rate", values.rate)];
    const segmentMiB = wholeNumber("--segment", values.segment);
    return { kind: "continuous", options: { ...common, seconds, rate, segmentMiB } };
  }
  const options: BenchOptions =
    name === undefined
      ? { ...common, storage: undefined, parts: chosen(values.only, PARTS) }
      : {
          ...common,
          storage: oneOf(name, STORAGES, "the storage"),
          parts: chosen(values.only, STORAGE_PARTS),
        };
  return { kind: "commands", options };
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new Error(`${option}: ${JSON.stringify(text)} is not a whole number from 1 on`);
  return number;
}

function chosen<T extends string>(names: readonly string[], all: readonly T[]): readonly T[] {
  return names.length === 0
    ? all.filter((name) => !SELDOM.includes(name))
    : names.map((name) => oneOf(name, all, "--only"));
}

function oneOf<T extends string>(text: string, all: readonly T[], what: string): T {
  const found = all.find((name) => name === text);
  if (found === undefined) throw new Error(`${what}: ${JSON.stringify(text)} is none of ${all.join(", ")}`);
  return found;
}
