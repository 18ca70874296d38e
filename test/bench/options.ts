import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

export const PARTS = ["full", "incremental", "memory", "startup"] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  readonly rounds: number;
  readonly parts: readonly Part[];
  readonly json: boolean;
  /** The temporary folder is made in here. */
  readonly directory: string;
}

export const USAGE = `Usage: npm run bench -- [options]

Measures axon-backup as whole processes, in turn with rclone and cp on the same files. Needs Linux, and about 5 GiB on the disk.

  --rounds N      rounds of each comparison, 1 or more (default 5)
  --only PART     ${PARTS.join(", ")}; may be given several times (default: all)
  --dir DIR       make the temporary folder in DIR: the file system to measure (default: the system's)
  --json          print the result as JSON
`;

/** @throws Error for what can't be understood; undefined for --help */
export function parseOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "5" },
      only: { type: "string", multiple: true, default: [] },
      dir: { type: "string", default: tmpdir() },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const rounds = Number(values.rounds);
  if (!Number.isSafeInteger(rounds) || rounds < 1)
    throw new Error(`--rounds: ${JSON.stringify(values.rounds)} is not a whole number from 1 on`);
  const parts = values.only.map(part);
  return {
    rounds,
    parts: parts.length === 0 ? PARTS : parts,
    json: values.json,
    directory: resolve(values.dir),
  };
}

function part(text: string): Part {
  const found = PARTS.find((name) => name === text);
  if (found === undefined) throw new Error(`--only: ${JSON.stringify(text)} is none of ${PARTS.join(", ")}`);
  return found;
}
