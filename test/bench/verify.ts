import { join } from "node:path";
import { measure } from "./child.js";
import { type Contest, type ContestPlan, type Contests } from "./contest.js";
import { describeContent } from "./report.js";
import { axonBackup, type Workshop } from "./workshop.js";

const MiB = 1024 * 1024;

/** Stores whose reading costs something else: bytes, transactions, objects. */
const STORES = [
  { name: "8 × 32 MiB", options: { segments: 8, segmentSize: 32 * MiB, indexBytes: 64 * 1024 } },
  {
    name: "8 × 32 MiB of transactions of 200 bytes",
    options: {
      segments: 8,
      segmentSize: 32 * MiB,
      indexBytes: 64 * 1024,
      eventsPerTransaction: 1,
      payloadBytes: 100,
    },
  },
  {
    name: "10,000 segments of 1 KiB",
    options: {
      segments: 10_000,
      segmentSize: 1024,
      eventsPerTransaction: 1,
      payloadBytes: 200,
      indexBytes: 128,
    },
  },
] as const;

/** Reading whole repositories for verification, beside sha256sum on the same files. */
export async function measureVerify(
  workshop: Workshop,
  contests: Contests,
  rounds: number,
): Promise<Contest[]> {
  const results: Contest[] = [];
  for (const [index, { name, options }] of STORES.entries()) {
    const store = await workshop.store(`verify-${index}`, options);
    const sink = join(store.directory, "sink");
    const config = workshop.configuration(store, "nas", sink);
    const [program, ...args] = axonBackup(config, "backup");
    await measure(program, args, workshop.signal);
    const plan: ContestPlan = {
      title: `Reading ${name} for verification`,
      note: `${describeContent(store)}. sha256sum reads the repository's files, one after the other; axon-backup checks SHA-256, the CRC of each transaction, and tokens.`,
      contestants: [
        {
          name: "axon-backup verify --read-data",
          command: () => axonBackup(config, "verify", "--read-data"),
        },
        { name: "sha256sum", command: () => ["find", sink, "-type", "f", "-exec", "sha256sum", "{}", "+"] },
      ],
    };
    for (let round = 0; round < rounds; round++) await contests.round(plan, round);
    results.push(contests.result(plan));
  }
  return results;
}
