import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

export interface SoakOptions {
  readonly minutes: number;
  /** Chooses the faults, their moments as far as the machine lets it, and what is restored. */
  readonly seed: number;
  /** Transactions a second. */
  readonly rate: number;
  readonly json: boolean;
  /** Leaves the working folder where it is. */
  readonly keep: boolean;
  /** The working folder is made in here. */
  readonly directory: string;
}

export const USAGE = `Usage: npm run soak -- [options]

Lets \`axon-backup run\` work on four sinks (a directory, S3, Azure, SFTP) for a while, with a stand-in server that gets transactions all the
time, and makes trouble: connections cut, held, slowed and refused, answers 500 and 503, storage servers killed and started again, Axon
Server restarted, also with its last transactions lost and others in their place, the service killed, stopped and resumed, given another
configuration and a wrong one. Meanwhile restores are made, and compared with what the server had. In the end, when there are no more
faults, every sink must become current by itself, and have everything.

Needs Linux. Servers that aren't installed are left out: node scripts/install-test-servers.mjs.

  --minutes N   how long faults are made (default 60); the end takes some minutes more
  --seed N      repeats the faults of an earlier run (default: a new one)
  --rate N      transactions a second (default 50)
  --dir DIR     make the working folder in DIR (default: the system's temporary folder)
  --keep        leave the working folder, with the service's log, where it is
  --json        print the result as JSON

Exit code: 0 when nothing was wrong, 1 when something was, with the seed and what it was.
`;

/** @throws Error for what can't be understood; undefined for --help */
export function parseOptions(args: readonly string[]): SoakOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "60" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
      rate: { type: "string", default: "50" },
      dir: { type: "string", default: tmpdir() },
      keep: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const seed = Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new Error(`--seed: ${values.seed} is not a whole number below 2^32`);
  return {
    minutes: positive("--minutes", values.minutes),
    seed,
    rate: positive("--rate", values.rate),
    json: values.json,
    keep: values.keep,
    directory: resolve(values.dir),
  };
}

function positive(option: string, text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number) || number <= 0) throw new Error(`${option}: ${text} is not a number above 0`);
  return number;
}
