import { resolve } from "node:path";
import { parseArgs } from "node:util";

import { beginWithSample } from "./begin-with-sample.js";
import type { Generation } from "./options.js";
import { startStandin } from "./start.js";

const USAGE = `Usage: axon-server-standin --storage DIR [options]

Serves the segments in DIR/default as Axon Server does, and appends to them.

  --generation 4.4|4.6|2023.2|2025.1  what to answer like (default 2023.2)
  --edition SE|EE              (default SE)
  --storage DIR                the directory with the contexts' directories
  --sample                     begin with the sample store: DIR is empty, or has it from an earlier run
  --port N                     (default 8024)
  --segment-size BYTES         of new segments (default 16384)
  --rate N                     sample events appended a second (default 0)
`;

/** How often events are appended: milliseconds. */
const TICK = 100;

/** Runs the stand-in until SIGINT or SIGTERM. Resolves with the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      generation: { type: "string", default: "2023.2" },
      edition: { type: "string", default: "SE" },
      storage: { type: "string" },
      sample: { type: "boolean", default: false },
      port: { type: "string", default: "8024" },
      "segment-size": { type: "string", default: "16384" },
      rate: { type: "string", default: "0" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || values.storage === undefined) {
    process.stdout.write(USAGE);
    return values.help ? 0 : 2;
  }
  const storage = resolve(values.storage);
  if (values.sample) beginWithSample(storage);
  const standin = await startStandin({
    generation: generation(values.generation),
    edition: edition(values.edition),
    storage,
    port: integer("port", values.port),
    segmentSize: integer("segment-size", values["segment-size"]),
    rebuildIndexes: true,
  });
  // Before anybody is told that it runs, and may end it.
  const stopped = new Promise<void>((stop) => {
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
  });
  process.stdout.write(`${standin.url}, storage ${storage}, last event ${standin.head("default")}\n`);
  const perTick = (integer("rate", values.rate) * TICK) / 1000;
  let due = 0;
  const appending = setInterval(() => {
    due += perTick;
    const count = Math.floor(due);
    due -= count;
    if (count > 0) standin.appendSample("default", count);
  }, TICK);
  await stopped;
  clearInterval(appending);
  process.stdout.write(`last event ${standin.head("default")}\n`);
  await standin.close();
  return 0;
}

function generation(value: string): Generation {
  if (value === "4.4" || value === "4.6" || value === "2023.2" || value === "2025.1") return value;
  throw new Error(`--generation: "${value}" is none of 4.4, 4.6, 2023.2, 2025.1`);
}

function edition(value: string): "SE" | "EE" {
  if (value === "SE" || value === "EE") return value;
  throw new Error(`--edition: "${value}" is neither SE nor EE`);
}

function integer(name: string, value: string): number {
  if (!/^\d+$/.test(value)) throw new Error(`--${name}: "${value}" is not a number`);
  return Number(value);
}
